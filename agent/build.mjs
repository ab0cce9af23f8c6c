// Builds the agent: one file, with all that it needs but Node.
//
// usage: node agent/build.mjs [DIRECTORY]
//   DIRECTORY  takes the file (dist/agent)
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const directory = resolve(process.argv[2] ?? at('../dist/agent'));
const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));

await build({
  entryPoints: [at('main.ts')],
  outfile: resolve(directory, 'serviceradar-agent.cjs'),
  bundle: true,
  platform: 'node',
  // Node puts nothing else into a single executable.
  format: 'cjs',
  // The oldest that engines of package.json lets run it.
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: 'eof',
  banner: { js: '#!/usr/bin/env node' },
  define: {
    AGENT_VERSION: JSON.stringify(version),
    AGENT_GATEWAY_PROTO_TEXT: JSON.stringify(readFileSync(at('../libs/contracts/agent_gateway.proto'), 'utf8')),
    // Only to find that file, whose text is here.
    'import.meta.url': '"file:///"',
  },
  logLevel: 'warning',
});
