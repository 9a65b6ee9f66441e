// Files dropped on the form are chosen, folders with all that is in them; what is sent shows how far it is.
// Without this script files are chosen, and sent by the form itself.

const entriesOf = async (entry, above) => {
  const name = above ? `${above}/${entry.name}` : entry.name;
  if (entry.isFile) return [[name, await new Promise((done, failed) => entry.file(done, failed))]];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return found;
    for (const each of some) found.push(...await entriesOf(each, name));
  }
};

const wire = (form) => {
  const input = form.querySelector("input[type=file]");
  const drop = form.querySelector("[data-drop]");
  const list = form.querySelector("[data-sending]");
  const button = form.querySelector("button[type=submit]");
  let chosen = [];

  const show = () => {
    list.hidden = !chosen.length;
    list.replaceChildren(...chosen.slice(0, 50).map(([name]) => {
      const item = document.createElement("li");
      const words = document.createElement("bdi");
      words.className = "clip mono";
      words.textContent = words.title = name;
      item.append(words);
      return item;
    }));
  };
  const say = (...words) => {
    list.hidden = false;
    list.replaceChildren(...words.map((text) => {
      const item = document.createElement("li");
      item.className = "bad";
      item.textContent = text;
      return item;
    }));
  };

  input.addEventListener("change", () => { chosen = [...input.files].map((file) => [file.name, file]); show(); });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("is-over", kind === "dragover");
    });
  }
  drop.addEventListener("drop", async (event) => {
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const found = [];
    for (const entry of entries) found.push(...await entriesOf(entry, ""));
    chosen = found.length ? found : [...event.dataTransfer.files].map((file) => [file.name, file]);
    show();
  });

  form.addEventListener("submit", (event) => {
    if (!chosen.length) return;
    event.preventDefault();
    const body = new FormData(form);
    body.delete("files");
    for (const [name, file] of chosen) body.append("files", file, name);
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.setAttribute("aria-label", form.dataset.waiting);
    list.hidden = false;
    list.replaceChildren(bar);
    button.disabled = true;
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", ({ loaded, total }) => { bar.value = total ? loaded / total : 0; });
    request.addEventListener("loadend", () => {
      button.disabled = false;
      if (request.status === 200) location.assign(request.response.url);
      else say(...(request.response?.errors ?? [form.dataset.broken]));
    });
    request.send(body);
  });
};

for (const form of document.querySelectorAll("[data-new-version]")) wire(form);
