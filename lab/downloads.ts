import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.js';

/** The bundles of one site or collector, as its host fetches and unpacks them. */
export class Downloads {
  #count = 0;

  constructor(
    /** Takes each of them in a folder of its own. */
    private readonly directory: string,
    /** Name of the bundle's folder, and of its archive without the suffix. */
    private readonly name: string,
  ) {}

  /** Runs the curl line that the API printed, and unpacks what it downloads. @returns the folder of the bundle */
  async fetch(command: string): Promise<string> {
    const folder = join(this.directory, String(++this.#count));
    mkdirSync(folder, { recursive: true });
    await succeed(run('sh', ['-c', command], { cwd: folder }));
    await succeed(run('tar', ['-xzf', `${this.name}.tar.gz`], { cwd: folder }));
    return join(folder, this.name);
  }
}

async function succeed(outcome: ReturnType<typeof run>): Promise<void> {
  const { code, output } = await outcome;
  if (code !== 0) throw new Error(`A command ended with ${code}: ${output}`);
}
