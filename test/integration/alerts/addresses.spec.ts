import { Secret } from '#libs/kernel';
import { notificationOf } from '#libs/alerts';
import { Destinations } from '../../../src/alerts/channels/destination.js';
import { type Lookup, post } from '../../../src/alerts/channels/post.js';
import { sendSlack } from '../../../src/alerts/channels/webhook.js';
import { Receiver } from '../../support/receiver.js';
import { LOOPBACK, Rig } from './rig.js';

const PUBLIC_ONLY = new Destinations([]);
const LOCAL = new Destinations(LOOPBACK.split(','));

let receiver: Receiver;
beforeAll(async () => {
  receiver = await Receiver.start();
});
afterAll(() => receiver.stop());
beforeEach(() => receiver.reset());

const send = (url: string, destinations: Destinations, lookup?: Lookup) => post({ url, headers: {}, body: '{}' }, destinations, lookup);

/** A name service that answers with each of these in turn, and then with the last. */
function names(...answers: string[][]): Lookup & { asked: number } {
  const lookup = Object.assign(
    ((_host, _options, callback) => {
      const addresses = answers[Math.min(lookup.asked++, answers.length - 1)]!;
      callback(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
    }) as Lookup,
    { asked: 0 },
  );
  return lookup;
}

describe('a webhook, by default,', () => {
  it.each([
    'https://127.0.0.1:PORT/',
    'https://localhost:PORT/',
    'https://2130706433:PORT/',
    'https://0x7f.1:PORT/',
    'https://017700000001:PORT/',
    'https://[::1]:PORT/',
    'https://[::ffff:127.0.0.1]:PORT/',
    'https://169.254.169.254/latest/meta-data/',
    'http://127.0.0.1:PORT/',
    'http://1.1.1.1/',
  ])('does not lead to %s', async (url) => {
    await expect(send(url.replace('PORT', String(receiver.port)), PUBLIC_ONLY)).rejects.toThrow('is not on the public Internet');
    expect(receiver.received).toEqual([]);
  });

  it.each([[['127.0.0.1']], [['10.0.0.1', '1.1.1.1']], [['1.1.1.1', '::1']], [['64:ff9b::7f00:1']], [[]]])('does not lead to a name with the addresses %j', async (addresses) => {
    await expect(send(`https://hooks.example:${receiver.port}/`, PUBLIC_ONLY, names(addresses))).rejects.toThrow('hooks.example is not on the public Internet');
    expect(receiver.received).toEqual([]);
  });
});

describe('a name that leads elsewhere the next moment', () => {
  it('is looked up once: the connection is made to what was looked at', async () => {
    const lookup = names(['127.0.0.1'], ['127.9.9.9']);
    await send(`http://hooks.example:${receiver.port}/`, LOCAL, lookup);
    expect([lookup.asked, receiver.received.length, receiver.received[0]!.headers.host]).toEqual([1, 1, `hooks.example:${receiver.port}`]);
  });

  it('is looked at anew at each try', async () => {
    const lookup = names(['127.0.0.1'], ['10.0.0.1']);
    await send(`http://hooks.example:${receiver.port}/`, LOCAL, lookup);
    await expect(send(`http://hooks.example:${receiver.port}/`, LOCAL, lookup)).rejects.toThrow('is not on the public Internet');
    expect(receiver.received).toHaveLength(1);
  });
});

describe('a redirect', () => {
  it('to the inside leads nowhere', async () => {
    const inside = await Receiver.start();
    receiver.answer = (_request, response) => void response.writeHead(307, { location: inside.url }).end();
    await expect(send(receiver.url, LOCAL)).rejects.toThrow('redirect (307), which is not followed');
    expect(inside.received).toEqual([]);
    await inside.stop();
  });
});

describe('an answer', () => {
  it('that does not end is not waited for', async () => {
    receiver.answer = (_request, response) => {
      const more = () => {
        if (!response.destroyed) response.write('x'.repeat(1_024), () => setImmediate(more));
      };
      response.writeHead(200);
      more();
    };
    await send(receiver.url, LOCAL);
    expect(receiver.received).toHaveLength(1);
  });

  it('stands in no sentence that people are shown, nor does what opens the channel', async () => {
    receiver.answer = (_request, response) => void response.writeHead(500).end('internal: hunter3');
    const sending = sendSlack({ id: '1', notification: notificationOf('test', 't', [], new Date()) }, { url: new Secret(receiver.url) }, LOCAL);
    await expect(sending).rejects.toMatchObject({ message: `127.0.0.1:${receiver.port} answered 500.` });
  });
});

describe('the service, by default,', () => {
  it('sends to no private address, and takes no http://', async () => {
    const rig = await Rig.start({});
    try {
      const refused = await rig.api.post('/admin/alert-channels', { name: 'x', kind: 'slack', url: receiver.url });
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/url', code: 'insecure_url' }] } });
      const channel = await rig.channel({ kind: 'slack', url: `https://localhost:${receiver.port}/` });
      await rig.api.post(`/admin/alert-channels/${channel.id}/test`);
      // It is due by the API's own clock.
      await rig.send(600);
      const [delivery] = await rig.deliveries({ channel: channel.id });
      expect(delivery).toMatchObject({ status: 'failed', last_error: expect.stringContaining('localhost is not on the public Internet') as string });
      expect(receiver.received).toEqual([]);
    } finally {
      await rig.app.close();
    }
  });
});
