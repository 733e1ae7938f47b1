import { css } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';

export const getStyles = (theme: GrafanaTheme2) => ({
  body: css({ display: 'flex', flexDirection: 'column', gap: theme.spacing(2) }),
  actions: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1) }),
  heading: css({
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'space-between',
    gap: theme.spacing(1),
    margin: theme.spacing(0, 0, 0.5),
    fontSize: theme.typography.h6.fontSize,
  }),
  facts: css({
    display: 'grid',
    gridTemplateColumns: 'minmax(90px, max-content) 1fr',
    gap: theme.spacing(0.25, 2),
    margin: 0,
    fontSize: theme.typography.bodySmall.fontSize,
    dt: { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightRegular },
    dd: { margin: 0, overflowWrap: 'anywhere', unicodeBidi: 'isolate' },
  }),
  notes: css({ margin: 0, paddingLeft: theme.spacing(2), color: theme.colors.warning.text }),
  table: css({
    width: '100%',
    fontSize: theme.typography.bodySmall.fontSize,
    'th, td': { textAlign: 'left', padding: theme.spacing(0.25, 1, 0.25, 0), verticalAlign: 'top' },
    th: { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightRegular },
    td: { overflowWrap: 'anywhere', borderTop: `1px solid ${theme.colors.border.weak}` },
    'td:last-child, th:last-child': { textAlign: 'right', whiteSpace: 'nowrap', paddingRight: 0 },
  }),
  quiet: css({ color: theme.colors.text.secondary }),
});
