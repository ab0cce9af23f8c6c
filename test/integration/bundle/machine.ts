import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

const PROGRAMS = join(process.cwd(), 'test/integration/bundle/machine');

/**
 * A machine to install on as root: this one, with /etc a copy, /run and /var/lib empty, no user `nats`, and stand-ins for systemd and
 * Docker that run the real server. The network is this machine's.
 */
export class Machine {
  private constructor(private readonly process: ChildProcessByStdio<Writable, Readable, Readable>) {}

  /** Fails on a machine that does not let root make namespaces. */
  static async boot(natsServer: string): Promise<Machine> {
    const arguments_ = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', join(PROGRAMS, 'boot.sh'), PROGRAMS, natsServer];
    const child = spawn('unshare', arguments_, { stdio: ['pipe', 'pipe', 'pipe'] });
    // Read from the start: what nobody reads is dropped when the process ends.
    const problem = text(child.stderr);
    const [booted] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [unknown];
    if (String(booted) !== 'booted\n') {
      throw new Error(`This test has to run as root, where unshare(1) may make mount and process namespaces: ${await problem}`);
    }
    return new Machine(child);
  }

  private get proc(): string {
    return `/proc/${this.process.pid}`;
  }

  /** What runs a script in the machine, for `Laboratory.setup`. */
  get shell(): readonly string[] {
    return ['nsenter', `--mount=${this.proc}/ns/mnt`, `--pid=${this.proc}/ns/pid_for_children`, 'sh'];
  }

  /** Looks for programs where root does, and finds the machine's own first. */
  readonly env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', NATS_SERVER: '' };

  /** Runs a line of shell. @returns its output */
  run(line: string): string {
    const [command, ...rest] = this.shell;
    return execFileSync(command!, [...rest, '-ec', line], { encoding: 'utf8', env: { ...process.env, ...this.env } }).trim();
  }

  /** The path, seen from here, of a file in the machine. */
  path(path: string): string {
    return `${this.proc}/root${path}`;
  }

  has(path: string): boolean {
    return existsSync(this.path(path));
  }

  read(path: string): string {
    return readFileSync(this.path(path), 'utf8');
  }

  /** What systemd or Docker was asked since this was last read. */
  calls(of: `systemd/${string}` | 'docker'): string[] {
    const path = `/run/${of}/calls`;
    if (!this.has(path)) return [];
    const calls = this.read(path).trim().split('\n');
    rmSync(this.path(path));
    return calls;
  }

  /** Ends everything that runs in it. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.stdin.end();
    await exited;
  }
}
