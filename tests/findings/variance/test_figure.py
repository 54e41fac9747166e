"""Figure 7: R² given the photographs stands beside R², with a null of its own."""


import pandas as pd

from salcompare.findings.variance.figure import variance_figure
from tests.figures.tiny import MAIN, tiny


def with_partial():
    data = tiny()
    row = {"statistic": "variance_explained", "metric": "r2_partial", "form": "masks", "level": "population",
           "source": MAIN, "against": "photographs", "contrast": "given 4 components of the photographs", "value": 0.55,
           "null": "residuals permuted", "null_mean": 0.5, "p_value": 0.2, "n": 6, "n_resamples": 999}
    draws = data.nulls[data.nulls["source"] == MAIN].assign(metric="r2_partial", value=lambda t: t["value"] + 0.1)
    return data.replace(estimates=pd.concat([data.estimates, pd.DataFrame([row])], ignore_index=True),
                               nulls=pd.concat([data.nulls, draws], ignore_index=True))


def test_the_partial_r2_has_a_row_and_a_null_of_its_own():
    figure = variance_figure(with_partial())
    table = figure.plot.data
    assert table.loc[table["metric"] == "r2_partial", "form"].astype(str).tolist() == ["masks | photos"]
    assert "given 4 components of the photographs" in figure.caption
    plain = variance_figure(tiny())
    assert "photos" not in plain.caption
    assert figure.height > plain.height
    violins = [layer._data for layer in figure.plot.layers if isinstance(layer._data, pd.DataFrame)
               and "p" not in layer._data]
    of_partial = violins[0][violins[0]["form"].astype(str) == "masks | photos"]
    assert of_partial["value"].mean() > violins[0].loc[violins[0]["form"].astype(str) == "masks", "value"].mean()
