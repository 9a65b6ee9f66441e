// Sections of panels: which are open is kept in the address, for those that are not as the page has them.

export const wireFolds = (box, view) => {
  for (const section of box.querySelectorAll("details.fold[data-section]")) {
    const { section: title } = section.dataset;
    const usual = section.open;
    section.open = usual !== view.folded.has(title);
    section.addEventListener("toggle", () => {
      const folded = new Set(view.folded);
      if (section.open === usual) folded.delete(title); else folded.add(title);
      if (folded.size !== view.folded.size) view.keep({ folded });
    });
  }
};
