import { Deployment } from '../lab/deployment.js';
import { fetchedNatsServer } from '../lab/fetched-nats-server.js';
import { type Fault, FAULTS, survive } from '../lab/faults.js';
import { processesOf } from '../lab/processes.js';
import { publishingSites } from '../lab/publishing-sites.js';
import { numbersOf } from './order.js';
import { readOptions, type SoakOptions, USAGE } from './options.js';

/** Of what is wrong, so many sentences are printed. */
const SHOWN = 50;

const { minutes, rounds, seed } = options();
const end = performance.now() + minutes * 60_000;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (interrupted = true));

print(`Seed ${seed}`);
// In sessions of their own: Ctrl-C ends the round, and not the servers that it is about.
const deployment = new Deployment({ natsServer: fetchedNatsServer(), wan: true, detached: true });
try {
  await soak();
} catch (error) {
  failed([String(error)]);
} finally {
  await deployment.stop();
  const left = processesOf(deployment.directory);
  if (left.length > 0) failed(left.map(({ pid, command }) => `Process ${pid} is left: ${command}`));
}
// Of what has failed, publishers may still be at it.
process.exit();

async function soak(): Promise<void> {
  await deployment.start();
  const sites = await publishingSites(deployment);
  const next = numbersOf(seed);
  const faults = Object.entries(FAULTS) as [string, Fault][];
  for (let round = 1; round <= rounds && performance.now() < end && !interrupted; round++) {
    const [name, fault] = faults[Math.floor(next() * faults.length)]!;
    const begin = performance.now();
    const before = sites.ledger.size;
    const wrongs = await survive(fault, deployment, sites).catch((error: unknown) => [`Round ${round}, when ${name}: ${String(error)}`]);
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    print(`${String(round).padStart(4)}  ${name.padEnd(60)}${seconds.padStart(6)} s  ${sites.ledger.size - before} messages, ${wrongs.length === 0 ? 'each once' : 'WRONG'}`);
    if (wrongs.length > 0) {
      failed(wrongs);
      break;
    }
  }
  await sites.close();
}

function failed(wrongs: readonly string[]): void {
  process.exitCode = 1;
  const more = wrongs.length > SHOWN ? [`… and ${wrongs.length - SHOWN} more.`] : [];
  print([...wrongs.slice(0, SHOWN), ...more, '', deployment.logs(100)].join('\n'));
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function options(): SoakOptions {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}
