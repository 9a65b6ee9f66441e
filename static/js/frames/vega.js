// Draws one chart in a frame of its own origin, in a look that somebody wrote. The look is data: its expressions are walked through, never
// made into code, and whatever address it names is refused before the policy of the frame would refuse it.
(() => {
  const box = document.getElementById("drawn"), said = document.getElementById("said");
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  // Of the page around it: the colours of runs, ink, quiet ink, rules (css/tokens.css).
  const THEMES = {
    light: {
      runs: ["#3c62d4", "#87580e", "#023440", "#74993f", "#502e8b", "#45907b", "#800a01", "#725770", "#d166ac", "#185b4a", "#6e6f4d", "#442325"],
      ink: "#1c1f26", quiet: "#4a4e57", rule: "#dedbd4",
    },
    dark: {
      runs: ["#4b69d2", "#f0ba08", "#3ce6fa", "#689207", "#b28ef9", "#55ba8f", "#b34c56", "#856586", "#bb99af", "#c9f3e1", "#e4e694", "#fa7261"],
      ink: "#edebe6", quiet: "#bab7b0", rule: "#2c313b",
    },
  };
  const MANY = 2000; // beyond, a canvas is quicker than an element for each
  const ROWS = "wandb"; // as the client's looks call them

  const say = (words, more = "") => {
    said.textContent = words + (more ? ` ${more}` : "");
    said.hidden = false;
  };
  const refuse = (error) => {
    box.hidden = true;
    say(said.dataset.failed, String(error?.message ?? error).slice(0, 300));
  };
  const away = () => {
    say(said.dataset.away);
    return Promise.reject(new Error(said.dataset.away));
  };
  const loader = { load: away, sanitize: away, http: away, file: away };
  const quiet = () => logger;
  const logger = {
    level: quiet, warn: quiet, info: quiet, debug: quiet,
    error: (...words) => { refuse(words.find((each) => each instanceof Error) ?? words.join(" ")); return logger; },
  };

  const config = ({ runs, ink, quiet: words, rule }) => ({
    background: "transparent",
    font: "system-ui, sans-serif",
    title: { color: ink, subtitleColor: words, fontSize: 13, fontWeight: 600 },
    axis: { labelColor: words, titleColor: words, gridColor: rule, domainColor: rule, tickColor: rule, titleFontWeight: 500 },
    legend: { labelColor: words, titleColor: words, titleFontWeight: 500 },
    header: { labelColor: words, titleColor: words },
    view: { stroke: rule },
    style: { "guide-label": { fill: words }, "guide-title": { fill: words } },
    mark: { color: runs[0] }, text: { color: ink }, rule: { color: words },
    rect: { fill: runs[0] }, symbol: { fill: runs[0] }, line: { stroke: runs[0] },
    range: { category: runs },
  });

  const isLite = (look) => {
    const schema = String(look.$schema ?? "");
    return schema.includes("vega-lite") || (!schema.includes("/vega/") && !("marks" in look));
  };

  // One view is as large as its frame; several keep the sizes that the look says, or the grammar's own.
  const liteOf = (look, rows, settings) => {
    const isOne = "mark" in look || "layer" in look;
    const sized = isOne ? { width: "container", height: "container", autosize: { type: "fit", contains: "padding" } } : {};
    const whole = { data: { name: ROWS }, ...sized, ...look, datasets: { ...look.datasets, [ROWS]: rows } };
    return vegaLite.compile(whole, { config: settings, logger }).spec;
  };
  const vegaOf = (look, rows) => {
    const data = Array.isArray(look.data) ? look.data : look.data ? [look.data] : [];
    const own = { ...data.find((each) => each?.name === ROWS), name: ROWS, values: rows };
    delete own.url;
    return { ...look, data: [own, ...data.filter((each) => each?.name !== ROWS)] };
  };

  const named = (columns, row) => Object.fromEntries(row.map((cell, place) => [columns[place], cell]));

  let view = null;
  const draw = async () => {
    view?.finalize();
    view = null;
    box.replaceChildren();
    box.hidden = false;
    said.hidden = true;
    try {
      const { look, columns, rows, name, colour } = JSON.parse(document.getElementById("look").textContent);
      const theme = THEMES[root.dataset.theme ?? (dark.matches ? "dark" : "light")];
      const settings = config(theme), of = rows.map((row) => ({ name, color: theme.runs[colour - 1], ...named(columns, row) }));
      const lite = isLite(look), spec = lite ? liteOf(look, of, settings) : vegaOf(look, of);
      view = new vega.View(vega.parse(spec, lite ? {} : settings, { ast: true }), {
        expr: vega.expressionInterpreter, loader, logger, hover: true, container: box, renderer: rows.length > MANY ? "canvas" : "svg",
      });
      await view.runAsync();
      box.dataset.drawn = "";
    } catch (error) {
      refuse(error);
    }
  };

  dark.addEventListener("change", () => { if (!root.dataset.theme) draw(); });
  draw();
})();
