import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Proxy } from '../../../lab/proxy.js';
import { until } from '../../../lab/until.js';

/** A client of an echo server behind a proxy. */
class Client {
  heard = '';
  readonly closed: Promise<unknown>;

  private constructor(readonly socket: Socket) {
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').on('data', (text: string) => (this.heard += text));
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  /** @throws Error when the connection is refused */
  static async connect(port: number): Promise<Client> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Client(socket);
  }

  async says(text: string): Promise<void> {
    const all = this.heard + text;
    this.socket.write(text);
    await until(`${text} comes back`, () => this.heard === all);
  }
}

describe('a proxy', () => {
  let echo: Server;
  let proxy: Proxy;
  let arrived = '';

  beforeAll(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        arrived += bytes.toString();
        socket.write(bytes);
      });
    }).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    proxy = await Proxy.start((echo.address() as AddressInfo).port);
  });

  afterEach(() => proxy.become('pass'));

  afterAll(async () => {
    await proxy.stop();
    echo.close();
    await once(echo, 'close');
  });

  it('passes both ways', async () => {
    await (await Client.connect(proxy.port)).says('hello');
  });

  it('closes connections and refuses new ones, until it passes again', async () => {
    const client = await Client.connect(proxy.port);
    await client.says('before');
    await proxy.become('drop');
    await client.closed;
    await expect(Client.connect(proxy.port)).rejects.toThrow('ECONNREFUSED');
    await proxy.become('pass');
    await (await Client.connect(proxy.port)).says('after');
  });

  it('hands on later what it delays, each way, in its order', async () => {
    const client = await Client.connect(proxy.port);
    await proxy.become({ delay: 100 });
    const begin = performance.now();
    client.socket.write('a');
    client.socket.write('b');
    await until('both are back', () => client.heard === 'ab');
    // Nothing of it can be faster than the delays.
    expect(performance.now() - begin).toBeGreaterThanOrEqual(190);
  });

  it('leaves half-open connections, and hands nothing on', async () => {
    const client = await Client.connect(proxy.port);
    await client.says('before');
    await proxy.become('half-open');
    const { connections } = proxy;
    const another = await Client.connect(proxy.port);
    await until('it is accepted', () => proxy.connections === connections + 1);
    for (const { socket } of [client, another]) socket.write('nowhere');
    await until('it is written', () => client.socket.bytesWritten === 'beforenowhere'.length && client.socket.writableLength === 0);
    expect([client.socket.readyState, client.heard]).toEqual(['open', 'before']);
    await proxy.become('pass');
    await Promise.all([client.closed, another.closed]);
    await (await Client.connect(proxy.port)).says('after');
    expect(arrived).not.toContain('nowhere');
  });

  it('cuts connections to come after so many bytes, one after the other', async () => {
    proxy.cutNext(3, 0);
    const [first, second] = [await Client.connect(proxy.port), await Client.connect(proxy.port)];
    first.socket.write('hello');
    await Promise.all([first.closed, second.closed]);
    expect([first.heard, second.heard, proxy.cutsLeft]).toEqual(['hel', '', 0]);
    await (await Client.connect(proxy.port)).says('after');
  });

  it('closes connections once, and takes new ones', async () => {
    const client = await Client.connect(proxy.port);
    await client.says('before');
    proxy.cut();
    await client.closed;
    await (await Client.connect(proxy.port)).says('after');
  });
});
