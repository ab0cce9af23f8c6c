import { fetchedNatsServer } from '../lab/fetched-nats-server.js';
import { type DemoOptions, readOptions, USAGE } from './options.js';
import { grouped, Progress, StepFailed } from './progress.js';
import { Story } from './story.js';

const { json, keep } = options();
const out = json ? process.stderr : process.stdout;
const progress = new Progress((text) => out.write(text));
const story = new Story({ progress, natsServer: fetchedNatsServer(), keep });

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Under npm, Ctrl-C arrives twice: from the terminal and from npm.
    if (progress.interrupted) return;
    progress.interrupt();
    out.write('\nInterrupted: stopping what was started.\n');
  });
}

progress.say('\nA site from nothing to a connected leaf, in a temporary directory and on free ports.\n');
try {
  await story.tell();
  if (!keep) await progress.step('Stop everything', () => cleanUp());
  succeed();
} catch (error) {
  await fail(error);
}
// What is kept running would keep this process, too.
process.exit();

async function cleanUp(): Promise<string> {
  await story.cleanUp();
  return 'no process is left, the directory is removed';
}

function succeed(): void {
  const total = Object.values(progress.steps).reduce((sum, one) => sum + one, 0);
  progress.say(`\nAll of it held, in ${grouped(total)} ms.`);
  if (keep) progress.say(`\n${story.directions}\n`);
  report({ ok: true });
}

async function fail(error: unknown): Promise<void> {
  const { step, message } = error instanceof StepFailed ? error : new StepFailed('The demo', error);
  process.exitCode = progress.interrupted ? 130 : 1;
  if (!progress.interrupted) progress.say(`\n"${step}" did not hold: ${message}\n\n${story.logs}\n`);
  await story.cleanUp().catch((failure: unknown) => progress.say(`The clean-up failed: ${String(failure)}`));
  report({ ok: false, failed: step, reason: message });
}

function report(result: Record<string, unknown>): void {
  if (json) process.stdout.write(`${JSON.stringify({ ...result, steps: progress.steps })}\n`);
}

function options(): DemoOptions {
  try {
    const asked = readOptions(process.argv.slice(2), process.env);
    if (!asked.help) return asked;
    process.stdout.write(USAGE);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}
