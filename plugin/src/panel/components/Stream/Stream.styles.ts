import { css } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';

export const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({ position: 'relative', flex: '1 1 0', minHeight: 0, display: 'flex' }),
  scroller: css({
    flex: 1,
    overflowY: 'auto',
    overflowX: 'hidden',
    // The stream keeps its own place when rows go at the top.
    overflowAnchor: 'none',
    background: theme.colors.background.primary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.border}`, outlineOffset: -2 },
  }),
  sizer: css({ position: 'relative', width: '100%' }),
  below: css({
    position: 'absolute',
    bottom: theme.spacing(1),
    left: '50%',
    transform: 'translateX(-50%)',
    boxShadow: theme.shadows.z2,
    borderRadius: theme.shape.radius.default,
    background: theme.colors.background.primary,
  }),
  empty: css({
    position: 'absolute',
    inset: 0,
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'center',
    color: theme.colors.text.secondary,
    padding: theme.spacing(2),
    textAlign: 'center',
    pointerEvents: 'none',
  }),
});
