// Finds regular expressions in src, libs and agent that some text would keep busy for long (ReDoS).
//
// usage: node scripts/redos.mjs
// exit:  0 none, 1 some, or one that cannot be judged; each with its place
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { check } from 'recheck';
import ts from 'typescript';

const TIMEOUT_MS = 60_000;

/** Each expression once, with the places where it stands. One that is not written out as a literal is named, too: nobody could judge it. */
async function expressions() {
  const found = new Map();
  const unjudged = [];
  for (const file of await Array.fromAsync(glob(['src/**/*.ts', 'libs/**/*.ts', 'agent/**/*.ts'], { exclude: (name) => /(\.spec|\/test-[^/]*)\.ts$/.test(name) }))) {
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
    const place = (node) => `${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
    const visit = (node) => {
      if (ts.isRegularExpressionLiteral(node)) found.set(node.text, [...(found.get(node.text) ?? []), place(node)]);
      else if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === 'RegExp') unjudged.push(place(node));
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return { found, unjudged };
}

const { found, unjudged } = await expressions();
const faults = unjudged.map((place) => `${place}: an expression that is made at run time cannot be judged. Write it out.`);
for (const [text, places] of found) {
  const end = text.lastIndexOf('/');
  const { status, attack, error } = await check(text.slice(1, end), text.slice(end + 1), { timeout: TIMEOUT_MS });
  if (status === 'vulnerable') faults.push(`${places.join(', ')}: ${text} takes long for ${attack.pattern}`);
  else if (status !== 'safe') faults.push(`${places.join(', ')}: ${text} could not be judged (${error?.kind ?? status})`);
}
for (const fault of faults) console.error(fault);
console.log(`${found.size} regular expressions, ${faults.length} to be mended`);
process.exit(faults.length > 0 ? 1 : 0);
