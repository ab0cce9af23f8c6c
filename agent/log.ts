export type Level = 'info' | 'warn' | 'error';

export type Facts = Record<string, string | number | boolean | null | undefined>;

/** What the agent says about itself, a line each. */
export interface Log {
  info(message: string, facts?: Facts): void;
  warn(message: string, facts?: Facts): void;
  error(message: string, facts?: Facts): void;
}

/** Writes `<time> <level> <message> <name>=<value> …`. Whatever a text holds, it stays on its line. */
export function lineLog(write: (line: string) => void, now: () => number): Log {
  const say = (level: Level) => (message: string, facts: Facts = {}) => {
    const told = Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${JSON.stringify(value)}`]));
    write(`${[new Date(now()).toISOString(), level, onOneLine(message), ...told].join(' ')}\n`);
  };
  return { info: say('info'), warn: say('warn'), error: say('error') };
}

const onOneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
