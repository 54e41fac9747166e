/* Copying the completion code, where the browser lets a page do so; else it is marked, to be copied by hand. */

const code = document.getElementById("code");
const copied = document.getElementById("copied");
const button = document.getElementById("copy");

/** Mark the code, and copy it the way that works without HTTPS. */
function copyMarked() {
  getSelection().selectAllChildren(code);
  return document.execCommand("copy");
}

button.hidden = false;
button.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(code.textContent);
    copied.textContent = "The code is copied.";
  } catch {
    copied.textContent = copyMarked() ? "The code is copied." : "The code is marked; please copy it yourself.";
  }
});
