import { migrate } from './migrations';
import { DEFAULTS, type Options } from './types';

const migrated = (options: unknown) => migrate({ options: options as Partial<Options> });

it('gives defaults to a panel that has saved nothing', () => {
  expect(migrated(undefined)).toEqual(DEFAULTS);
});

it('keeps what was chosen', () => {
  const chosen: Options = {
    density: 'compact',
    capacity: 1000,
    followVariables: false,
    tempoUid: 'x',
    showToolbar: false,
  };
  expect(migrated(chosen)).toEqual(chosen);
});

it('bears what was written by hand', () => {
  expect(migrated({ density: 'tiny', capacity: 9e9, tempoUid: 7 })).toEqual({ ...DEFAULTS, capacity: 100_000 });
  expect(migrated({ capacity: -1 }).capacity).toBe(DEFAULTS.capacity);
});
