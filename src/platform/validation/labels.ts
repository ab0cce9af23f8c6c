import { isName } from '#libs/kernel';

export const LABELS_MAX = 32;

/** As Kubernetes has them, with slashes: `region`, `acme.example/line`. */
export const LABEL_KEY_PATTERN = /^[a-z0-9](?:[a-z0-9._/-]{0,61}[a-z0-9])?$/;

/** Whether it is a map of at most 32 labels, each with a value that could be a name. */
export function isLabels(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const labels = Object.entries(value);
  return (
    labels.length <= LABELS_MAX &&
    labels.every(([key, text]) => LABEL_KEY_PATTERN.test(key) && typeof text === 'string' && isName(text))
  );
}
