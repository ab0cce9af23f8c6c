import { parseArgs } from 'node:util';

export const USAGE = `usage: npm run demo -- [--json] [--keep]
  --json  prints one JSON object last, {"ok": …, "steps": {"<name>": <milliseconds>}}; the progress goes to stderr
  --keep  leaves all of it running, and says how to use it and how to stop it
`;

export interface DemoOptions {
  json: boolean;
  keep: boolean;
  help: boolean;
}

/**
 * @param env without the `--`, npm takes the options for its own and hands them on as `npm_config_<name>`
 * @throws TypeError for an option that is none
 */
export function readOptions(args: string[], env: NodeJS.ProcessEnv): DemoOptions {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean' }, keep: { type: 'boolean' }, help: { type: 'boolean' } } });
  const has = (name: keyof typeof values) => values[name] ?? env[`npm_config_${name}`] === 'true';
  return { json: has('json'), keep: has('keep'), help: values.help ?? false };
}
