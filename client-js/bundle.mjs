// Makes one readable file of src/, as replicas serve it: node bundle.mjs OUT.js [OUT.cpp]
//
// No tool decides what runs in a voter's browser: each module becomes a function, in order of need,
// its text as it is. OUT.cpp holds the same bytes for the prytany program. Any Node from 18 will
// do.
import { readFileSync, writeFileSync } from "node:fs";

const [, , js, cpp] = process.argv;
const source = new URL("src/", import.meta.url);
const done = new Map(); // file -> text of its function
const variable = (file) => `$${file.replace(".js", "")}`;

/** {imports: [[what, file]], exports: [name], body} */
function read(file) {
  const imports = [],
    exports = [];
  let body = readFileSync(new URL(file, source), "utf8").replace(
    /^(import|export) (\* as \w+|\{[^}]*\}) from "\.\/([\w-]+\.js)";\n/gm,
    (all, kind, what, from) => {
      imports.push([kind === "export" ? "" : what, from]);
      const names = what
        .replace(/[{}\s]/g, "")
        .split(",")
        .filter(Boolean);
      if (kind === "export")
        exports.push(...names.map((name) => `${name}: ${variable(from)}.${name}`));
      return "";
    },
  );
  body = body.replace(
    /^export ((?:async )?(?:function|class|const) )(\w+)/gm,
    (all, kind, name) => {
      exports.push(name);
      return kind + name;
    },
  );
  if (/^(import|export)\b/m.test(body))
    throw new Error(`${file}: an import or export that is not understood`);
  return { imports, exports, body };
}

function add(file) {
  if (done.has(file)) return;
  const { imports, exports, body } = read(file);
  done.set(file, null);
  for (const [, from] of imports) add(from);
  const uses = imports
    .filter(([what]) => what)
    .map(
      ([what, from]) =>
        `  const ${what.replace("* as ", "").replace(/\s+/g, " ").replace(", }", " }")} = ${variable(from)};\n`,
    );
  done.delete(file); // after what it needs
  done.set(
    file,
    `const ${variable(file)} = (() => {  // ${file}\n${uses.join("")}${body.trimEnd()}\n` +
      `return { ${exports.join(", ")} };\n})();\n`,
  );
}

add("index.js");
const names = read("index.js").exports.map((entry) => entry.split(":")[0]);
const text =
  `// prytany-client ${JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")).version}` +
  ", in one file. MIT licence.\n" +
  [...done.values()].join("\n") +
  `\nexport const { ${names.join(", ")} } = $index;\n`;
if (js) writeFileSync(js, text);
if (cpp) {
  // In pieces, joined when it is first asked for: compilers bound the length of one literal, and
  // literals beside each other are one.
  const pieces = text.match(/[^]{1,8000}/g).map((piece) => `R"prytany_js(${piece})prytany_js"`);
  writeFileSync(
    cpp,
    '#include "server/cli/client_module.h"\n\n#include <string>\n\nnamespace prytany::cli {\n\n' +
      "std::string_view client_module() {\n" +
      `  static const std::string text = [] {\n    std::string all;\n` +
      `${pieces.map((piece) => `    all += ${piece};`).join("\n")}\n    return all;\n  }();\n` +
      "  return text;\n}\n\n}  // namespace prytany::cli\n",
  );
}
