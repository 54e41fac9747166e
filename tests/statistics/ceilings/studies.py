"""Small studies for tests of ceilings: workers with ways of their own, drawing about places that images plant."""

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.maps import rasterise_boxes, smooth
from tests.strategies import stack_of_maps, table_of_images

SIZE = (16, 18)
HEIGHT, WIDTH = 32, 36


def drawn_boxes(images, *, workers, per_image, rng, spread=3.0, actor_sd=0.0, worker_sd=0.0):
    """One box a response, about a place that an image and its actor plant; every image has workers of its own draw."""
    actors = images["actor"].unique()
    place = dict(zip(actors, rng.normal(0, actor_sd, (len(actors), 2)), strict=True))
    habit = rng.normal(0, worker_sd, (workers, 2))
    rows = []
    for image, actor in zip(images["image"], images["actor"], strict=True):
        for worker in rng.choice(workers, per_image, replace=False):
            y, x = np.array([HEIGHT / 2, WIDTH / 2]) + place[actor] + habit[worker] + rng.normal(0, spread, 2)
            h, w = rng.uniform(4, 10, 2)
            y, x = np.clip(y, h, HEIGHT - h), np.clip(x, w, WIDTH - w)
            rows.append((f"w{worker:03d}", image, x - w, y - h, x + w, y + h))
    table = pd.DataFrame(rows, columns=["worker", "image", "x0", "y0", "x1", "y1"])
    return table.assign(response=[f"r{i}" for i in range(len(table))])


def small_study(*, n_actors=3, n_images=2, workers=7, per_image=5, seed=0, **options):
    """Responses, images, and classifier maps that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    names = [f"s{i + 1:02d}" for i in range(n_actors) for _ in range(n_images)]
    images = table_of_images(names, height=HEIGHT, width=WIDTH)
    return drawn_boxes(images, workers=workers, per_image=per_image, rng=rng, **options), images, stack_of_maps(
        rng.gamma(0.5, size=(len(images), *SIZE)), names)


def rebuilt_coverage(responses, images, counts, *, sigma):
    """Coverage of a study in which each worker stands so often, drawn as maps."""
    times = responses["worker"].map(counts).to_numpy()
    rows = responses.loc[responses.index.repeat(times)]
    rows = rows.assign(response=[f"r{i}" for i in range(len(rows))])
    return smooth(rasterise_boxes(rows, images, size=SIZE)["coverage"].astype(float), sigma=sigma)


def truth_and_study(*, n_actors, n_images, workers, per_image, seed, spread=3.0):
    """Give a study whose workers draw about the same place everywhere, and the map that endlessly many would make."""
    rng = np.random.default_rng(seed)
    names = [f"s{i + 1:02d}" for i in range(n_actors) for _ in range(n_images)]
    images = table_of_images(names, height=HEIGHT, width=WIDTH)
    responses = drawn_boxes(images, workers=workers, per_image=per_image, rng=rng, spread=spread)
    one = table_of_images(["s01"], height=HEIGHT, width=WIDTH)
    many = drawn_boxes(one, workers=3000, per_image=3000, rng=np.random.default_rng(10**6), spread=spread)
    truth = rasterise_boxes(many, one, size=SIZE)["coverage"].to_numpy()[0]
    return responses, images, stack_of_maps(np.broadcast_to(truth, (len(images), *SIZE)).copy(), names)


def by_actor(values: xr.DataArray):
    """Mean over each actor's images, by a loop."""
    return {actor: float(values[values.actor.to_numpy() == actor].mean()) for actor in np.unique(values.actor)}
