// Extras beyond HTML. Nothing depends on them: every page works without scripts.

// Copy buttons.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const from = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
    try {
      await navigator.clipboard.writeText(from ? from.value : button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C";
      button.previousElementSibling?.select?.();
    }
    setTimeout(() => (button.textContent = label), 2000);
  });
}

// The email link takes its text from the fields, edited or not.
for (const link of document.querySelectorAll("a[data-mail]")) {
  link.addEventListener("click", () => {
    const said = (id) => encodeURIComponent(document.getElementById(id)?.value.replace(/\r?\n/g, "\r\n") ?? "");
    link.href = `mailto:?subject=${said("subject")}&body=${said("body")}`;
  });
}

// Focus the first field with a problem.
document.querySelector("[aria-invalid]")?.focus();

// Reload private pages that the browser restores from its cache: the person may have signed out.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  document.documentElement.hidden = true;
  location.reload();
});
