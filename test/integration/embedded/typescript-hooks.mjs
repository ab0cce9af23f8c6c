/** Lets a plain Node process run the sources as they are: Node strips the types, this finds the files. Give it with `--import`. */
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);

registerHooks({
  resolve(specifier, context, nextResolve) {
    const library = /^#libs\/([^/]+)$/.exec(specifier)?.[1];
    if (library !== undefined) return nextResolve(new URL(`libs/${library}/index.ts`, root).href, context);
    if (specifier.startsWith('.') && specifier.endsWith('.js')) {
      const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
      if (existsSync(fileURLToPath(source))) return nextResolve(source.href, context);
    }
    return nextResolve(specifier, context);
  },
});
