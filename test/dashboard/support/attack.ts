/**
 * Runs in the page: what somebody would try who got something into it. Resolves with the directives that were violated, and the title,
 * which is `ran` if anything did run.
 */
export const attack: string = `(async () => {
  const violated = [];
  addEventListener("securitypolicyviolation", ({ effectiveDirective }) => violated.push(effectiveDirective));
  const tries = [
    () => {
      const script = document.createElement("script");
      script.append("document.title = 'ran'");
      document.body.append(script);
    },
    () => { document.body.innerHTML += "<img src=x onerror=\\"document.title='ran'\\">"; },
    () => { document.body.setAttribute("onclick", "document.title = 'ran'"); document.body.click(); },
    () => { setTimeout("document.title = 'ran'"); },
    () => { document.body.append(Object.assign(document.createElement("img"), { src: "http://192.0.2.1/x" })); },
    () => { document.body.setAttribute("style", "background: url(http://192.0.2.1/y)"); },
    () => fetch("http://192.0.2.1/x"),
  ];
  for (const each of tries) {
    try {
      await each();
    } catch {
      // Refused, as it should be.
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  return { violated, title: document.title };
})()`;
