import 'reflect-metadata';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { DomainError } from '#libs/kernel';
import { formatHostPort, type HostPort, isAtLeast, parseHostPort } from '#libs/nats';
import { AppModule } from './app.module.js';
import { HubFiles, type HubSettings, isLoopback } from './nats/index.js';
import { type Config, parseConfig } from './platform/config/index.js';
import { withDatabase } from './with-database.js';

const USAGE = `Writes what nats-server needs to be the hub of this control plane.

usage: npm run hub:config -- --out DIR --public-host HOST [options]

  --out DIR                where to write nats-hub.conf, certificate, key and CA
  --public-host HOST       a name or address that leaves reach the hub by; may be given several times
  --client-listen ADDRESS  where the control plane connects (127.0.0.1:4222); elsewhere, it shows a certificate
  --leaf-listen ADDRESS    where leaves connect (0.0.0.0:7422)
  --leaf-advertise ADDRESS what leaves are told to dial (the first public host, with the port of --leaf-listen)
  --monitor-listen ADDRESS monitoring (127.0.0.1:8222)
  --data DIR               where the hub keeps accounts and messages (DIR/data)
  --server-name NAME       name of the server (nats-hub)
  --nats-version VERSION   version of nats-server that will run it (2.10)
  --force                  write again; a certificate that is still good is kept
  --help                   this text

Environment: as for npm start; it needs the database (DATABASE_URL, or DATA_DIR for the embedded one).
`;

/** Where a server listens on all of its addresses; nobody can dial them. */
const ANY_ADDRESS = new Set(['0.0.0.0', '::']);

interface Options {
  out: string;
  force: boolean;
  settings: HubSettings;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(USAGE);
  else process.stdout.write(await write(options, parseConfig(process.env)));
} catch (error) {
  process.stderr.write(error instanceof DomainError ? `${error.message}\n` : `${(error as Error).stack}\n`);
  process.exitCode = 1;
}

/** @returns undefined when help is asked for */
function readOptions(args: string[]): Options | undefined {
  const { values } = parse(args);
  if (values.help) return undefined;
  const hosts = values['public-host'] ?? [];
  if (values.out === undefined || hosts.length === 0) throw refuse('--out DIR and --public-host HOST are needed.');
  const listen = address('--client-listen', values['client-listen']);
  const leafListen = address('--leaf-listen', values['leaf-listen']);
  return {
    out: resolve(values.out),
    force: values.force,
    settings: {
      serverName: values['server-name'],
      listen,
      leafListen,
      leafAdvertise: values['leaf-advertise']
        ? address('--leaf-advertise', values['leaf-advertise'])
        : { host: hosts[0]!, port: leafListen.port },
      monitor: address('--monitor-listen', values['monitor-listen']),
      // The control plane may dial it by an address that is nobody else's.
      hosts: isLoopback(listen.host) || ANY_ADDRESS.has(listen.host) ? hosts : [...new Set([...hosts, listen.host])],
      dataDirectory: values.data && resolve(values.data),
      isolatesLeafnodeInterest: isAtLeast(values['nats-version'], 2, 12),
    },
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        out: { type: 'string' },
        'public-host': { type: 'string', multiple: true },
        'client-listen': { type: 'string', default: '127.0.0.1:4222' },
        'leaf-listen': { type: 'string', default: '0.0.0.0:7422' },
        'leaf-advertise': { type: 'string' },
        'monitor-listen': { type: 'string', default: '127.0.0.1:8222' },
        data: { type: 'string' },
        'server-name': { type: 'string', default: 'nats-hub' },
        'nats-version': { type: 'string', default: '2.10' },
        force: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw refuse((error as Error).message);
  }
}

function address(option: string, text: string): HostPort {
  try {
    return parseHostPort(text);
  } catch {
    throw refuse(`${option} must be host:port, not "${text}".`);
  }
}

function refuse(problem: string): DomainError {
  return new DomainError('invalid_configuration', `${problem.replace(/\.?$/, '.')} See npm run hub:config -- --help.`);
}

async function write({ out, force, settings }: Options, config: Config): Promise<string> {
  if (existsSync(join(out, 'nats-hub.conf')) && !force) {
    throw refuse(`${join(out, 'nats-hub.conf')} is there already; --force writes it again.`);
  }
  mkdirSync(out, { recursive: true, mode: 0o700 });
  return withDatabase(config, async (urls) => {
    // No roles: nothing is served, no job is taken, and no hub is started.
    const idle: Config = { ...config, roles: [], natsUrl: config.natsUrl ?? `nats://${formatHostPort(settings.listen)}` };
    const app = await NestFactory.createApplicationContext(AppModule.forRoot(idle, urls), { logger: ['error'], abortOnError: false });
    try {
      const path = await app.get(HubFiles, { strict: false }).write(out, settings);
      writeFileSync(join(out, 'README.md'), readme(path, settings));
      return `${readme(path, settings)}\n`;
    } finally {
      await app.close();
    }
  });
}

function readme(path: string, { listen, leafAdvertise, hosts }: HubSettings): string {
  const scheme = isLoopback(listen.host) ? 'nats' : 'tls';
  const reached = ANY_ADDRESS.has(listen.host) ? { ...listen, host: hosts[0]! } : listen;
  return `# Hub of the control plane

Start it:

    nats-server -c ${path}

Tell the control plane:

    NATS_URL=${scheme}://${formatHostPort(reached)}
    NATS_LEAF_UPSTREAM_URL=tls://${formatHostPort(leafAdvertise)}

Its certificate names ${hosts.join(', ')}. nats-hub-key.pem is its private key: it belongs to the hub's
user alone. The operator in the configuration is public. Run the command again with --force to renew the certificate.
`;
}
