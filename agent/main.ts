import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { once } from 'node:events';
import { Agent } from './agent.js';
import { AgentError, sentenceOf } from './agent-error.js';
import { checkOnce } from './check-once.js';
import { systemClock } from './clock.js';
import { type Command, HELP, parseCommandLine, UsageError } from './command-line.js';
import { readGatewayFile } from './identity/gateway-file.js';
import { lineLog } from './log.js';
import { assertNode, VERSION } from './version.js';

const log = lineLog((line) => process.stdout.write(line), () => systemClock.now());

async function main(args: readonly string[]): Promise<number> {
  assertNode(process.versions.node);
  const command = parseCommandLine(args);
  switch (command.name) {
    case 'help':
      process.stdout.write(HELP);
      return 0;
    case 'version':
      process.stdout.write(`${VERSION}\n`);
      return 0;
    case 'check': {
      const { text, isWell } = await checkOnce(command.config, systemClock);
      process.stdout.write(text);
      return isWell ? 0 : 1;
    }
    case 'enrol':
      return enrol(command);
    case 'run':
      return run(command.config);
  }
}

async function run(config: string): Promise<number> {
  const agent = new Agent({ gateway: readGatewayFile(config), clock: systemClock, random: Math.random, newId: randomUUID, log });
  log.info('starts', { version: VERSION, pid: process.pid });
  agent.start();
  const ended = new AbortController();
  const signals = ['SIGTERM', 'SIGINT'].map((name) => once(process, name, { signal: ended.signal }).then(() => name));
  const signal = await Promise.race(signals);
  // A second one ends it as it would any program.
  ended.abort();
  await Promise.allSettled(signals);
  log.info('ends', { signal });
  await agent.stop();
  return 0;
}

async function enrol({ bundle, token, directory, leafDirectory, replace, systemd }: Extract<Command, { name: 'enrol' }>): Promise<number> {
  // What only enrolling needs is not loaded by an agent that runs.
  const [{ readPackage }, { downloadPackage }, { enrol: install }] = await Promise.all([
    import('./enrolment/package-files.js'),
    import('./enrolment/download.js'),
    import('./enrolment/enrol.js'),
  ]);
  const service = systemd ? await import('./service/install.js') : undefined;
  if (service !== undefined) {
    service.assertInstallable([directory, ...(leafDirectory === undefined ? [] : [leafDirectory])]);
    // A service's user has to come through what is above; what is for that user alone says so.
    process.umask(0o022);
  }
  const archive = bundle === undefined ? await downloadPackage(token === '-' ? readFileSync(0, 'utf8').trim() : token!) : readArchive(bundle);
  const terms = { directory: resolve(directory), replace, ...(leafDirectory !== undefined && { leafDirectory: resolve(leafDirectory) }) };
  const { componentId, address } = install(await readPackage(archive), terms);
  process.stdout.write(`The agent ${componentId} has enrolled in ${terms.directory}, for the gateway at ${address}.\n`);
  if (service) {
    service.installService(terms.directory);
    process.stdout.write('It runs as the service serviceradar-agent. Log: journalctl -u serviceradar-agent\n');
  } else {
    process.stdout.write(`Run it: serviceradar-agent run --config ${terms.directory}\n`);
  }
  return 0;
}

function readArchive(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new AgentError(`${path} cannot be read: ${sentenceOf(error)}`);
  }
}

main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
    // Connections that are being closed are not waited for.
    setTimeout(() => process.exit(status), 500).unref();
  },
  (error: unknown) => {
    const isUsage = error instanceof UsageError;
    process.stderr.write(`serviceradar-agent: ${error instanceof AgentError || isUsage ? error.message : sentenceOf(error)}\n`);
    if (isUsage) process.stderr.write(`\n${HELP}`);
    process.exitCode = isUsage ? 2 : 1;
  },
);
