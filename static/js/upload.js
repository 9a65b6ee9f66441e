// Files go one after the other, each with its progress. Without this script the form sends them all at once.

const line = (list, file, word) => {
  const item = document.createElement("li");
  const name = document.createElement("bdi");
  name.className = "clip mono";
  name.textContent = name.title = file.name;
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  const state = document.createElement("span");
  state.textContent = word;
  item.append(name, bar, state);
  list.append(item);
  return { bar, state };
};

const answerOf = (request) => {
  try { return JSON.parse(request.responseText); } catch { return { kept: [], refused: [] }; }
};

const send = (form, file, { bar, state }) => new Promise((done) => {
  const body = new FormData();
  for (const name of ["csrfmiddlewaretoken", "folder"]) body.append(name, form.elements[name].value);
  body.append("files", file);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
  });
  request.addEventListener("loadend", () => {
    const refused = answerOf(request).refused[0];
    const kept = request.status === 200;
    bar.value = kept ? 1 : 0;
    state.textContent = kept ? form.dataset.kept : refused ? refused[1] : form.dataset.broken;
    state.classList.toggle("bad", !kept);
    done(kept);
  });
  request.send(body);
});

const sendAll = async (form, files) => {
  const list = form.querySelector("[data-sending]");
  list.replaceChildren();
  list.hidden = false;
  const lines = files.map((file) => line(list, file, form.dataset.waiting));
  let kept = true;
  for (const [place, file] of files.entries()) kept = await send(form, file, lines[place]) && kept;
  if (kept) location.assign(form.dataset.files);
};

for (const form of document.querySelectorAll("[data-upload]")) {
  form.addEventListener("submit", async (event) => {
    const files = [...form.elements.files.files];
    if (!files.length) return;
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    await sendAll(form, files);
    button.disabled = false;
  });
}
