import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DomainError } from '#libs/kernel';
import { type Anchor, anchorsIn, AuditVerification, formatAnchor, PLATFORM_CHAIN, type Verification, type VerifiedChain } from './platform/audit/index.js';
import { type Config, parseConfig } from './platform/config/index.js';
import { connect, Database } from './platform/database/index.js';
import { withDatabase } from './with-database.js';

const USAGE = `Holds the audit trail against its seals: finds rows that were changed, removed, reordered or inserted.

usage: npm run audit:verify -- [--anchor ANCHOR]... [--anchors FILE]...

  --anchor ANCHOR  audit:<chain>:<sequence>:<hash>, as this command printed it or the service logged it; the chain must have it still
  --anchors FILE   the same, for all that are anywhere in a file, which may be a log; - is standard input
  --help           this text

Prints the anchor of each chain's end. Without earlier ones, it cannot know that rows were cut off at the end, or all was written anew.
Exit status 0 says that all holds, 1 that something does not, or that it failed.

Environment: as for npm start; it needs the database (DATABASE_URL, or DATA_DIR for the embedded one).
`;

const say = (line: string) => process.stdout.write(`${line}\n`);

try {
  const anchors = readAnchors(process.argv.slice(2));
  if (anchors === undefined) process.stdout.write(USAGE);
  else if (!report(await verify(parseConfig(process.env), anchors), anchors)) process.exitCode = 1;
} catch (error) {
  process.stderr.write(error instanceof DomainError ? `${error.message}\n` : `${(error as Error).stack}\n`);
  process.exitCode = 1;
}

/** @returns undefined when help is asked for */
function readAnchors(args: string[]): Anchor[] | undefined {
  const { anchor = [], anchors = [], help } = parse(args);
  if (help) return undefined;
  const given = anchor.map((text) => {
    const [found] = anchorsIn(text);
    if (found === undefined || formatAnchor(found) !== text) throw refuse(`--anchor must be audit:<chain>:<sequence>:<hash>, not "${text}".`);
    return found;
  });
  const read = anchors.flatMap((file) => {
    const found = anchorsIn(readText(file));
    if (found.length === 0) throw refuse(`There is no anchor in ${file}.`);
    return found;
  });
  return [...given, ...read];
}

function parse(args: string[]) {
  try {
    const options = { anchor: { type: 'string', multiple: true }, anchors: { type: 'string', multiple: true }, help: { type: 'boolean' } } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw refuse((error as Error).message);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw refuse(`The file of anchors cannot be read: ${(error as Error).message}.`);
  }
}

function refuse(problem: string): DomainError {
  return new DomainError('invalid_configuration', `${problem.replace(/\.?$/, '.')} See npm run audit:verify -- --help.`);
}

function verify(config: Config, anchors: readonly Anchor[]): Promise<Verification> {
  return withDatabase(config, async ({ serviceUrl }) => {
    const connections = await connect(serviceUrl);
    try {
      return await new AuditVerification(new Database(connections)).run(anchors);
    } finally {
      await connections.close();
    }
  });
}

/** @returns whether all holds */
function report({ chains, waiting, isSealingLate }: Verification, anchors: readonly Anchor[]): boolean {
  for (const found of chains) {
    const { head, faults } = found;
    for (const { sequence, problem } of faults) say(`FAULT ${nameOf(found)}${sequence === null ? '' : ` at ${sequence}`}: ${problem}`);
    if (head !== undefined) say(`${nameOf(found)}: ${head.sequence} seals, ${formatAnchor(head)}`);
  }
  if (waiting > 0) say(`${waiting} rows are not sealed yet${isSealingLate ? ': no worker has sealed for more than a minute' : ''}.`);
  const faulty = chains.filter(({ faults }) => faults.length > 0);
  if (faulty.length > 0) {
    say(`The audit trail does not hold: ${faulty.map(nameOf).join(', ')}.`);
    return false;
  }
  say(`The audit trail holds${anchors.length === 0 ? '' : `, with ${anchors.length} anchors`}.`);
  return true;
}

function nameOf({ chain, slug }: VerifiedChain): string {
  if (chain === PLATFORM_CHAIN) return 'platform';
  return slug ?? chain;
}
