import 'reflect-metadata';
import { relative } from 'node:path';
import { DomainError } from '#libs/kernel';
import { parseConfig } from './platform/config/index.js';
import { type RunningService, start } from './start.js';

/** How long a shutdown may take before the process gives up on it, in milliseconds. */
const SHUTDOWN_LIMIT = 30_000;

try {
  const service = await start(parseConfig(process.env));
  stopOnSignal(service);
  process.stderr.write(greeting(service));
} catch (error) {
  process.stderr.write(error instanceof DomainError ? `${error.message}\n` : `${(error as Error).stack}\n`);
  process.exit(1);
}

function greeting({ url, leafUpstreamUrl, adminKeyFile }: RunningService): string {
  const file = adminKeyFile && relative(process.cwd(), adminKeyFile);
  return [
    '',
    'serviceradar-edge is ready.',
    `  API            ${url}/api`,
    `  Documentation  ${url}/api/docs`,
    `  Admin key      ${file === undefined ? 'the one you gave, or made before' : `in ${file}`}`,
    `  Leaves dial    ${leafUpstreamUrl}`,
    ...(file === undefined ? [] : ['', `  curl -H "Authorization: Bearer $(cat ${file})" ${url}/api/me`]),
    '',
    '',
  ].join('\n');
}

/** Ctrl-C under npm arrives twice, from the terminal and from npm: only the first one counts. */
function stopOnSignal(service: RunningService): void {
  let stopping = false;
  const onSignal = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), SHUTDOWN_LIMIT).unref();
    service.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`The shutdown failed: ${(error as Error).stack}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
