import { css } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';

export const getStyles = (theme: GrafanaTheme2) => ({
  tree: css({
    margin: 0,
    padding: theme.spacing(1),
    background: theme.colors.background.canvas,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    fontFamily: theme.typography.fontFamilyMonospace,
    fontSize: theme.typography.bodySmall.fontSize,
    lineHeight: '20px',
    overflowX: 'auto',
  }),
  line: css({
    display: 'block',
    borderRadius: theme.shape.radius.default,
    overflowWrap: 'anywhere',
    whiteSpace: 'pre-wrap',
    unicodeBidi: 'isolate',
    '&:focus-visible, &:focus': { outline: `1px solid ${theme.colors.primary.border}` },
  }),
  branch: css({ cursor: 'pointer', '&:hover': { background: theme.colors.action.hover } }),
  arrow: css({ display: 'inline-block', width: 16, color: theme.colors.text.secondary }),
  name: css({ color: theme.colors.text.secondary, unicodeBidi: 'isolate' }),
  string: css({ color: theme.colors.success.text, unicodeBidi: 'isolate' }),
  number: css({ color: theme.colors.info.text }),
  quiet: css({ color: theme.colors.text.disabled }),
  masked: css({
    padding: theme.spacing(0, 0.5),
    borderRadius: theme.shape.radius.default,
    color: theme.colors.warning.text,
    background: theme.colors.warning.transparent,
    unicodeBidi: 'isolate',
  }),
  more: css({ color: theme.colors.text.link, cursor: 'pointer' }),
});
