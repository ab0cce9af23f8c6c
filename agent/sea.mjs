// Makes the agent a program of its own, with the Node of this project's dependencies inside: serviceradar-agent. For machines without Node.
//
// usage: node agent/sea.mjs [DIRECTORY]
//   DIRECTORY  takes it, and the file that it is made of (dist/agent)
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { inject } from 'postject';
// Reads the same command line.
import './build.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const directory = resolve(process.argv[2] ?? at('../dist/agent'));
const [source, config, blob, program] = ['serviceradar-agent.cjs', 'sea.json', 'sea.blob', 'serviceradar-agent'].map((name) => resolve(directory, name));
// Not the one that this runs on: one that is older than `execArgv` would refuse the cache at each start.
const node = createRequire(import.meta.url).resolve('node/bin/node');

// Node 20, which this may run on, imports no TypeScript.
const { code: unit } = await transform(readFileSync(at('service/unit.ts'), 'utf8'), { loader: 'ts' });
const { NODE_FLAGS } = await import(`data:text/javascript,${encodeURIComponent(unit)}`);

writeFileSync(
  config,
  JSON.stringify({
    main: source,
    output: blob,
    disableExperimentalSEAWarning: true,
    // Read instead of compiled at each start, if it was made with the same flags.
    useCodeCache: true,
    execArgv: NODE_FLAGS,
  }),
);
execFileSync(node, [...NODE_FLAGS, '--experimental-sea-config', config], { stdio: 'ignore' });
copyFileSync(node, `${program}.new`);
chmodSync(`${program}.new`, 0o755);
// What Node looks for in itself (nodejs.org/api/single-executable-applications.html).
await inject(`${program}.new`, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2' });
renameSync(`${program}.new`, program);
for (const file of [config, blob]) rmSync(file);
