import 'reflect-metadata';
import { relative } from 'node:path';
import { DomainError } from '#libs/kernel';
import { type Config, parseConfig } from './platform/config/index.js';
import { type RunningService, start } from './start.js';

/** How long a shutdown may take before the process gives up on it, in milliseconds. */
const SHUTDOWN_LIMIT = 30_000;

try {
  const config = parseConfig(process.env);
  const starting = start(config);
  stopOnSignal(starting);
  process.stderr.write(greeting(await starting, config));
} catch (error) {
  process.stderr.write(error instanceof DomainError ? `${error.message}\n` : `${(error as Error).stack}\n`);
  process.exit(1);
}

function greeting({ url, leafUpstreamUrl, gatewayAddress, adminKeyFile }: RunningService, { roles }: Config): string {
  const file = adminKeyFile && relative(process.cwd(), adminKeyFile);
  const api = [
    `  API            ${url}/api`,
    `  Documentation  ${url}/api/docs`,
    `  Admin key      ${file === undefined ? 'the one you gave, or made before' : `in ${file}`}`,
  ];
  const servesApi = roles.includes('api');
  return [
    '',
    'serviceradar-edge is ready.',
    ...(servesApi ? api : [`  Health         ${url}/api/health/ready`]),
    `  Leaves dial    ${leafUpstreamUrl}`,
    ...(gatewayAddress === undefined ? [] : [`  Agents dial    ${gatewayAddress}`]),
    ...(servesApi && file !== undefined ? ['', `  curl -H "Authorization: Bearer $(cat ${file})" ${url}/api/me`] : []),
    '',
    '',
  ].join('\n');
}

/**
 * What is being started is stopped when it is there: cut short, it would leave servers behind. Ctrl-C under npm arrives twice,
 * from the terminal and from npm: only the first one counts.
 */
function stopOnSignal(starting: Promise<RunningService>): void {
  let stopping = false;
  const onSignal = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), SHUTDOWN_LIMIT).unref();
    starting.then((service) => service.stop()).then(
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
