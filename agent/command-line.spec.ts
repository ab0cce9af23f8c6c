import { parseCommandLine, UsageError } from './command-line.js';

describe('the command line', () => {
  it.each<[string, object]>([
    ['run', { name: 'run', config: '/var/lib/serviceradar-agent' }],
    ['run --config /srv/agent', { name: 'run', config: '/srv/agent' }],
    ['check --config=/srv/gateway.json', { name: 'check', config: '/srv/gateway.json' }],
    ['enrol --bundle a.tar.gz', { name: 'enrol', bundle: 'a.tar.gz', directory: '/var/lib/serviceradar-agent', replace: false, systemd: false }],
    ['enrol --token - --dir /srv --leaf-dir /leaf --systemd --replace', { name: 'enrol', token: '-', directory: '/srv', leafDirectory: '/leaf', replace: true, systemd: true }],
    ['--version', { name: 'version' }],
    ['enrol --help', { name: 'help' }],
  ])('%s is understood', (line, command) => expect(parseCommandLine(line.split(' '))).toEqual(command));

  it.each([
    ['', 'What is it to do?'],
    ['enroll', 'There is no command "enroll".'],
    ['run there', 'There is no argument "there" to run.'],
    ['run --bundle x', 'run has no option --bundle.'],
    ['run --confg x', "Unknown option '--confg'."],
    ['enrol', 'either --bundle FILE or --token TOKEN'],
    ['enrol --bundle a --token b', 'either --bundle FILE or --token TOKEN'],
  ])('%s is not, and it is said why', (line, why) => {
    const parse = () => parseCommandLine(line === '' ? [] : line.split(' '));
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(why);
  });
});
