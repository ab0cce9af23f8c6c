// Makes the agent a program of its own, with the Node that this runs on inside: dist/agent/serviceradar-agent. For machines without Node.
//
// usage: node agent/sea.mjs
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inject } from 'postject';
import './build.mjs';
import { NODE_FLAGS } from './service/unit.ts';

const dist = (name) => fileURLToPath(new URL(`../dist/agent/${name}`, import.meta.url));
const [config, blob, program] = ['sea.json', 'sea.blob', 'serviceradar-agent'].map(dist);

writeFileSync(
  config,
  JSON.stringify({
    main: dist('serviceradar-agent.cjs'),
    output: blob,
    disableExperimentalSEAWarning: true,
    // Read instead of compiled at each start, if it was made with the same flags.
    useCodeCache: true,
    execArgv: NODE_FLAGS,
  }),
);
execFileSync(process.execPath, [...NODE_FLAGS, '--experimental-sea-config', config], { stdio: 'ignore' });
copyFileSync(process.execPath, `${program}.new`);
chmodSync(`${program}.new`, 0o755);
// What Node looks for in itself (nodejs.org/api/single-executable-applications.html).
await inject(`${program}.new`, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2' });
renameSync(`${program}.new`, program);
for (const file of [config, blob]) rmSync(file);
