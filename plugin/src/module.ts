import { AppPlugin } from '@grafana/data';

/** The app only carries the data source and the panel. */
export const plugin = new AppPlugin();
