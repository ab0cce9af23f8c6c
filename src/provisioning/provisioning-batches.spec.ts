import { DomainError } from '#libs/kernel';
import type { LeafGeneration, LeafProvisioner } from './leaf-provisioner.js';
import { ProvisioningBatches } from './provisioning-batches.js';

const leaf = (leafId: string): LeafGeneration => ({ leafId, generation: 1 });
const leaves = (count: number) => Array.from({ length: count }, (_, at) => leaf(`leaf-${at}`));

/** Closed until somebody opens it. */
function latch() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open: () => open(), opened };
}

interface Run {
  tenantId: string;
  leafIds: string[];
}

/** Provisions all but the leaves that are bad, and remembers its runs. */
function provisioning({ bad = [], away, hold }: { bad?: string[]; away?: Error; hold?: (run: Run) => Promise<void> | undefined } = {}) {
  const runs: Run[] = [];
  const provisioner = {
    async provision(tenantId: string, wanted: readonly LeafGeneration[]): Promise<Set<string>> {
      const run = { tenantId, leafIds: wanted.map(({ leafId }) => leafId) };
      runs.push(run);
      await hold?.(run);
      if (away !== undefined) throw away;
      const failing = run.leafIds.find((leafId) => bad.includes(leafId));
      if (failing !== undefined) throw new Error(`${failing} is bad`);
      return new Set(run.leafIds.filter((leafId) => !leafId.startsWith('gone')));
    },
  };
  return { runs, batches: new ProvisioningBatches(provisioner as unknown as LeafProvisioner) };
}

describe('leaves that wait at the same time', () => {
  it('go in runs of at most 32', async () => {
    const { runs, batches } = provisioning();
    const wanted = leaves(80);
    const provisioned = await Promise.all(wanted.map((one) => batches.provision('acme', one)));
    expect(runs.map(({ leafIds }) => leafIds.length)).toEqual([32, 32, 16]);
    expect(runs.flatMap(({ leafIds }) => leafIds)).toEqual(wanted.map(({ leafId }) => leafId));
    expect(provisioned).toEqual(Array(80).fill(true));
  });

  it('are told apart: some are provisioned, others were not pending any more', async () => {
    const { runs, batches } = provisioning();
    expect(await Promise.all([leaf('a'), leaf('gone'), leaf('b')].map((one) => batches.provision('acme', one)))).toEqual([true, false, true]);
    expect(runs).toHaveLength(1);
  });
});

describe('a leaf that cannot be provisioned', () => {
  it('fails alone, with its own error', async () => {
    const { batches } = provisioning({ bad: ['leaf-3', 'leaf-20'] });
    const outcomes = await Promise.allSettled(leaves(24).map((one) => batches.provision('acme', one)));
    const failed = outcomes.flatMap((outcome, at) => (outcome.status === 'rejected' ? [[at, (outcome.reason as Error).message]] : []));
    expect(failed).toEqual([
      [3, 'leaf-3 is bad'],
      [20, 'leaf-20 is bad'],
    ]);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value)).toHaveLength(22);
  });

  it('is run once when it is alone, and can be tried again', async () => {
    const { runs, batches } = provisioning({ bad: ['leaf-0'] });
    for (const attempt of [1, 2]) {
      await expect(batches.provision('acme', leaf('leaf-0'))).rejects.toThrow('leaf-0 is bad');
      expect(runs).toHaveLength(attempt);
    }
  });
});

describe('leaves whose run fails with what will pass', () => {
  it.each([
    ['the database is away', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
    ['somebody says that it can be tried again', new DomainError('unavailable', 'Not now.', { retryable: true })],
  ])('all get that error, and are not run one by one: %s', async (_what, away) => {
    const { runs, batches } = provisioning({ away });
    const outcomes = await Promise.allSettled(leaves(16).map((one) => batches.provision('acme', one)));
    expect(outcomes).toEqual(Array(16).fill({ status: 'rejected', reason: away }));
    expect(runs).toHaveLength(1);
  });
});

describe('a leaf that comes while a run is under way', () => {
  it('waits for the next', async () => {
    const started = latch();
    const held = latch();
    const { runs, batches } = provisioning({
      hold: ({ leafIds }) => {
        started.open();
        return leafIds[0] === 'early' ? held.opened : undefined;
      },
    });
    const early = batches.provision('acme', leaf('early'));
    await started.opened;
    const late = [batches.provision('acme', leaf('late')), batches.provision('acme', leaf('later'))];
    expect(runs).toHaveLength(1);
    held.open();
    expect(await Promise.all([early, ...late])).toEqual([true, true, true]);
    expect(runs.map(({ leafIds }) => leafIds)).toEqual([['early'], ['late', 'later']]);
  });

  it.each([0, 1, 2, 3, 4, 5, 10])('is not lost though that run is ending (%i turns after its last answer)', async (turns) => {
    const { runs, batches } = provisioning();
    await batches.provision('acme', leaf('first'));
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    expect(await batches.provision('acme', leaf('second'))).toBe(true);
    expect(runs.map(({ leafIds }) => leafIds)).toEqual([['first'], ['second']]);
  });
});

describe('tenants', () => {
  it('do not wait for each other, and never share a run', async () => {
    const held = latch();
    const { runs, batches } = provisioning({ hold: ({ tenantId }) => (tenantId === 'slow' ? held.opened : undefined) });
    const slow = batches.provision('slow', leaf('s'));
    expect(await Promise.all([batches.provision('acme', leaf('a')), batches.provision('globex', leaf('g'))])).toEqual([true, true]);
    expect(runs).toEqual([
      { tenantId: 'slow', leafIds: ['s'] },
      { tenantId: 'acme', leafIds: ['a'] },
      { tenantId: 'globex', leafIds: ['g'] },
    ]);
    held.open();
    expect(await slow).toBe(true);
  });
});
