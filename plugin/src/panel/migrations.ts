// Options as an older version saved them → options of this one.
import { type PanelModel } from '@grafana/data';

import { CAPACITIES, DEFAULTS, type Options } from './types';

const MOST = Math.max(...CAPACITIES);

/** Whatever was saved, or written by hand into a dashboard, comes out as options that hold. */
export function migrate(panel: Pick<PanelModel<Partial<Options>>, 'options'>): Options {
  const saved: Partial<Options> = panel.options ?? {};
  const capacity = Number(saved.capacity);
  return {
    density: saved.density === 'compact' ? 'compact' : DEFAULTS.density,
    capacity: capacity >= 1 ? Math.min(Math.round(capacity), MOST) : DEFAULTS.capacity,
    followVariables: saved.followVariables ?? DEFAULTS.followVariables,
    tempoUid: typeof saved.tempoUid === 'string' ? saved.tempoUid : DEFAULTS.tempoUid,
    showToolbar: saved.showToolbar ?? DEFAULTS.showToolbar,
  };
}
