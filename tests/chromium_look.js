// Runs inside a page that a test looks at, and tells the window around it what it found: a PageCheck (chromium.ts).

const errors = [];
addEventListener("error", (event) => errors.push(String(event.message ?? event.target)), true);
addEventListener("securitypolicyviolation", (event) => errors.push("refused " + event.blockedURI));

addEventListener("load", () => {
  const all = (what) => [...document.querySelectorAll(what)];
  const name = (link) => decodeURIComponent(link.hash.slice(1));
  const text = (element) => element.textContent.trim();
  const check = {
    images: all("img").map(({ alt, naturalWidth, naturalHeight }) => ({
      alt,
      width: naturalWidth,
      height: naturalHeight,
    })),
    charts: all("main svg").map((svg) => {
      const { width, height } = svg.getBoundingClientRect();
      return { label: svg.getAttribute("aria-label") ?? "", width, height };
    }),
    requests: performance.getEntriesByType("resource").map((entry) => entry.name),
    errors,
    deadAnchors: all('a[href^="#"]').map(name).filter((id) => document.getElementById(id) === null),
    headings: all("main h2, main h3").map((heading) => [heading.id, text(heading)]),
    contents: all("nav a").map((link) => [name(link), text(link)]),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    background: getComputedStyle(document.body).backgroundColor,
  };
  parent.postMessage(JSON.stringify(check), "*");
});
