import { parseArgs } from 'node:util';

export type Command =
  | { name: 'run' | 'check'; config: string }
  | { name: 'enrol'; bundle?: string; token?: string; directory: string; leafDirectory?: string; replace: boolean; systemd: boolean }
  | { name: 'help' | 'version' };

/** The command line cannot be understood; the sentence says what of it. */
export class UsageError extends Error {}

const DIRECTORY = '/var/lib/serviceradar-agent';

export const HELP = `Watches the NATS leaf of an edge site, and what else it is told to, and tells the gateway.

  serviceradar-agent enrol --bundle FILE    takes the onboarding package that was downloaded (tar.gz)
  serviceradar-agent enrol --token TOKEN    downloads it with a token; - reads the token from standard input
  serviceradar-agent run                    runs until it is ended
  serviceradar-agent check                  does all checks once, prints what was found; status 1 when something is not available

  --dir DIR         of enrol: where to put what the agent needs (${DIRECTORY})
  --leaf-dir DIR    of enrol: where the leaf's files are, with setup.sh --prefix (/etc/nats)
  --replace         of enrol: another agent that has enrolled there goes
  --systemd         of enrol: run it as a service of this machine, from now on; needs root
  --config PATH     of run and check: the directory, or its gateway.json (${DIRECTORY})
  --version         the version
  --help            this text

Exit status: 0 done; 1 failed, with a sentence that says why; 2 wrong usage.
`;

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): Command {
  const { values, positionals } = parsed(args);
  if (values.help) return { name: 'help' };
  if (values.version) return { name: 'version' };
  const [name, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`There is no argument ${JSON.stringify(rest[0])} to ${name}.`);
  switch (name) {
    case 'run':
    case 'check':
      only(values, name, ['config']);
      return { name, config: values.config ?? DIRECTORY };
    case 'enrol':
      only(values, name, ['bundle', 'token', 'dir', 'leaf-dir', 'replace', 'systemd']);
      if ((values.bundle === undefined) === (values.token === undefined)) throw new UsageError('enrol takes either --bundle FILE or --token TOKEN.');
      return {
        name,
        ...(values.bundle !== undefined && { bundle: values.bundle }),
        ...(values.token !== undefined && { token: values.token }),
        ...(values['leaf-dir'] !== undefined && { leafDirectory: values['leaf-dir'] }),
        directory: values.dir ?? DIRECTORY,
        replace: values.replace ?? false,
        systemd: values.systemd ?? false,
      };
    case undefined:
      throw new UsageError('What is it to do? run, enrol or check.');
    default:
      throw new UsageError(`There is no command ${JSON.stringify(name)}.`);
  }
}

const OPTIONS = {
  bundle: { type: 'string' },
  token: { type: 'string' },
  dir: { type: 'string' },
  'leaf-dir': { type: 'string' },
  config: { type: 'string' },
  replace: { type: 'boolean' },
  systemd: { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    // "Unknown option '--x'. To specify a positional argument …": the first sentence will do.
    throw new UsageError((error as Error).message.split('. ')[0]!.replace(/\.?$/, '.'));
  }
}

function only(values: object, command: string, allowed: readonly string[]): void {
  const other = Object.keys(values).find((name) => !allowed.includes(name));
  if (other !== undefined) throw new UsageError(`${command} has no option --${other}.`);
}
