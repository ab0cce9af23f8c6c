import { isHost, isListenAddress, isNatsUrl } from './host.js';
import { isLabels } from './labels.js';

const longLabel = 'a'.repeat(64);

describe('a host', () => {
  it.each(['localhost', 'nats.plant.local', 'A.example', '10.20.0.5', '::1', 'fd00::5', `${'a'.repeat(63)}.example`, 'x1'])('may be %s', (text) => {
    expect(isHost(text)).toBe(true);
  });

  it.each(['', ' ', '-a', 'a-', 'a..b', 'a.', '*.example', '256.0.0.1', '1.2.3', 'a_b', 'a b', '[::1]', 'fe80::1%eth0', 'a:1', `${longLabel}.example`, 'a.'.repeat(127) + 'abc', 'a\n', 'zürich.example'])(
    'cannot be %j',
    (text) => {
      expect(isHost(text)).toBe(false);
    },
  );
});

describe('a listen address', () => {
  it.each(['0.0.0.0:4222', '[::]:4222', 'localhost:1', '10.0.0.1:65535'])('may be %s', (text) => {
    expect(isListenAddress(text)).toBe(true);
  });

  it.each(['', '4222', ':4222', '0.0.0.0', '0.0.0.0:', '0.0.0.0:0', '0.0.0.0:65536', '0.0.0.0:04222', '::1:4222', '[::1]', '[localhost]:1', '[10.0.0.1]:1', 'a:1:2', '0.0.0.0:4222\nhttp: 1', 'a:+1'])(
    'cannot be %j',
    (text) => {
      expect(isListenAddress(text)).toBe(false);
    },
  );
});

describe('a NATS URL', () => {
  it.each(['tls://nats.example', 'nats://10.0.0.1:4222', 'tls://[fd00::5]:4222', 'tls://localhost:1'])('may be %s', (text) => {
    expect(isNatsUrl(text)).toBe(true);
  });

  it.each(['nats.example:4222', 'http://nats.example', 'TLS://nats.example', 'tls://', 'tls://u:p@nats.example', 'tls://u@nats.example', 'tls://nats.example/', 'tls://nats.example?x', 'tls://nats.example#x', 'tls://nats.example:0', 'tls://a,tls://b', 'tls://a b', 'tls://a\n', 'tls://fd00::5:4222'])(
    'cannot be %j',
    (text) => {
      expect(isNatsUrl(text)).toBe(false);
    },
  );
});

describe('labels', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 'v']));

  it.each([{}, { region: 'us-east' }, { 'acme.example/line_1': '$(touch x) "quoted" 🔑' }, many(32), { ['k'.repeat(63)]: 'v'.repeat(200) }])(
    'may be %j',
    (labels) => {
      expect(isLabels(labels)).toBe(true);
    },
  );

  it.each([null, 'a=b', [], ['a'], { A: 'b' }, { '': 'b' }, { '-a': 'b' }, { 'a/': 'b' }, { a: '' }, { a: 1 }, { a: null }, { a: 'b\n' }, many(33), { ['k'.repeat(64)]: 'v' }, { a: 'v'.repeat(201) }])(
    'cannot be %j',
    (labels) => {
      expect(isLabels(labels)).toBe(false);
    },
  );
});
