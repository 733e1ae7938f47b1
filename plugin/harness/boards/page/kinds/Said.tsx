import React, { type ReactNode } from 'react';

import { type PanelJson } from '../json';

const CENTERED = {
  height: '100%',
  display: 'flex',
  alignItems: 'center',
  justifyContent: 'center',
  textAlign: 'center',
  padding: 8,
} as const;

/** What a panel says while there is nothing to show. */
export function Said({ panel, children }: { panel: PanelJson; children?: ReactNode }) {
  return <div style={CENTERED}>{children ?? panel.fieldConfig?.defaults.noValue ?? 'No data'}</div>;
}

/** That a kind of panel which is not on npm is drawn in another way here. */
export function StandIn({ what }: { what: string }) {
  return <div style={{ fontSize: 11, opacity: 0.6, padding: '0 8px', textAlign: 'right' }}>{what}</div>;
}
