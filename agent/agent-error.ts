/** Something that somebody has to know: a sentence that says what is wrong, with what, and what to do. Never a secret. */
export class AgentError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'AgentError';
  }
}

/** The sentence of an error, whatever was thrown. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The code of a system error, such as `ENOENT`. */
export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;
