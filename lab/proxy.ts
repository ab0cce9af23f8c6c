import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.js';

const HOST = '127.0.0.1';

/**
 * What becomes of what passes: it is handed on at once or after so many milliseconds each way; connections are closed and new ones
 * refused (`drop`); or connections stay and are accepted, and bytes go nowhere (`half-open`).
 */
export type ProxyMode = 'pass' | 'drop' | 'half-open' | { delay: number };

/** A WAN on this machine: a TCP proxy in front of a port of it, whose mode may change at any time. */
export class Proxy {
  #mode: ProxyMode = 'pass';
  /** Of connections to come, after how many bytes each is cut. */
  readonly #cuts: number[] = [];
  readonly #sockets = new Set<Socket>();
  /** Those of them that were accepted. */
  readonly #accepted = new Set<Socket>();
  #server: Server | undefined;

  private constructor(
    readonly port: number,
    private readonly target: number,
  ) {}

  /** Listens on a free port of 127.0.0.1. @param target port of 127.0.0.1 that it passes connections to */
  static async start(target: number): Promise<Proxy> {
    const proxy = new Proxy(await freePort(), target);
    await proxy.listen();
    return proxy;
  }

  get mode(): ProxyMode {
    return this.#mode;
  }

  /** What a half-open connection has swallowed is never handed on: such a connection has to be given up by its ends, and is closed at `pass`. */
  async become(mode: ProxyMode): Promise<void> {
    const before = this.#mode;
    this.#mode = mode;
    if (mode === 'drop') await this.stop();
    else if (before === 'half-open' && mode !== 'half-open') this.cut();
    if (before === 'drop' && mode !== 'drop') await this.listen();
  }

  /** How many connections it has accepted that are open: whoever connects may be let in by the system before that. */
  get connections(): number {
    return this.#accepted.size;
  }

  /** Closes every connection; new ones are taken as the mode says. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cuts connections to come, one after the other, each when the target has sent so many bytes over it; those after them pass. */
  cutNext(...bytes: number[]): void {
    this.#cuts.push(...bytes);
  }

  /** How many are still to be cut. */
  get cutsLeft(): number {
    return this.#cuts.length;
  }

  /** Closes every connection and refuses new ones. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    this.cut();
    await closed;
  }

  private async listen(): Promise<void> {
    this.#server = createServer((socket) => this.accept(socket));
    this.#server.listen(this.port, HOST);
    await once(this.#server, 'listening');
  }

  private accept(near: Socket): void {
    this.watch(near);
    this.#accepted.add(near);
    near.on('close', () => this.#accepted.delete(near));
    if (this.#mode === 'half-open') {
      near.resume();
      return;
    }
    const far = connect(this.target, HOST);
    this.watch(far);
    this.pipe(near, far);
    const limit = this.#cuts.shift();
    if (limit === undefined) this.pipe(far, near);
    else this.pipeUpTo(limit, far, near);
  }

  private watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // The end that vanishes is told by the close that follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  private pipeUpTo(limit: number, from: Socket, to: Socket): void {
    let left = limit;
    const cut = () => {
      to.destroy();
      from.destroy();
    };
    from.on('data', (bytes) => {
      const last = bytes.length >= left;
      to.write(bytes.subarray(0, left), () => last && cut());
      left = Math.max(0, left - bytes.length);
    });
    from.on('close', cut);
    to.on('close', cut);
    if (limit === 0) cut();
  }

  /** In order whatever the mode: what was to come later is not overtaken by what is not. */
  private pipe(from: Socket, to: Socket): void {
    let turn = Promise.resolve();
    const pass = (hand: () => void) => {
      if (this.#mode === 'half-open') return;
      const due = performance.now() + (typeof this.#mode === 'object' ? this.#mode.delay : 0);
      turn = turn.then(async () => {
        const left = due - performance.now();
        if (left > 0) await delay(left);
        hand();
      });
    };
    from.on('data', (bytes) => pass(() => to.write(bytes)));
    from.on('end', () => pass(() => to.end()));
    from.on('close', () => pass(() => to.destroy()));
  }
}
