import { type DataFrame, type GrafanaTheme2, type TimeRange } from '@grafana/data';

import { type PanelJson } from '../json';
import { type Sources } from '../sources';
import { type Variables } from '../variables';

/** All that a kind of panel draws with. */
export interface Drawing {
  panel: PanelJson;
  frames: DataFrame[];
  width: number;
  height: number;
  range: TimeRange;
  theme: GrafanaTheme2;
  variables: Variables;
  sources: Sources;
}

export const optionsOf = <T>(panel: PanelJson, defaults: T): T => ({ ...defaults, ...panel.options });
