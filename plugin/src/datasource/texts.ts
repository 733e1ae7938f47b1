import { t } from '@grafana/i18n';
import { type Trouble } from '../feed/upstream';

/** Trouble in words: what is wrong, and what to do. */
export function explain({ kind, status, detail = '', count = 0 }: Trouble): string {
  switch (kind) {
    case 'unauthorized':
      return t('trouble.unauthorized', 'Fleetscope refuses the token (401). Set the viewer token in the data source.');
    case 'forbidden':
      return t('trouble.forbidden', 'Not allowed (403): {{detail}}', {
        detail: detail || t('trouble.forbidden_why', 'your role in Grafana, or the role of the token, is too low.'),
      });
    case 'not_found':
      return t('trouble.not_found', 'Not found (404): {{detail}}', {
        detail: detail || t('trouble.not_found_why', 'is the URL that of Fleetscope, without a path?'),
      });
    case 'refused':
      return t('trouble.refused', 'Fleetscope refuses the request: {{detail}}', { detail: detail || String(status) });
    case 'busy':
      return t('trouble.busy', 'Fleetscope has too many clients, or requests came too fast.');
    case 'unreachable':
      return status && detail
        ? t('trouble.failed', 'Fleetscope cannot answer now ({{status}}): {{detail}}', { status, detail })
        : t('trouble.unreachable', 'Grafana cannot reach Fleetscope at the URL of the data source.');
    case 'not_json':
      return t('trouble.not_json', 'The answer is not from Fleetscope: a login page or another service is at the URL.');
    case 'no_upgrade':
      return t('trouble.no_upgrade', 'No WebSocket opens: a proxy in front of Grafana does not pass upgrades.');
    case 'held_back':
      return t('trouble.held_back', 'A proxy in front of Grafana holds streams back.');
    case 'silent':
      return t('trouble.silent', 'The connection fell silent.');
    case 'closed':
      return t('trouble.closed', 'The connection was closed. {{detail}}', { detail }).trim();
    case 'old_server':
      return t('trouble.old_server', 'Fleetscope {{version}} is older than this plugin: update it.', {
        version: detail,
      });
    case 'malformed':
      return t('trouble.malformed', 'Messages not understood: {{number}}. Fleetscope and plugin differ in version.', {
        number: count,
      });
    case 'no_payloads':
      return t('trouble.no_payloads', 'Payloads are for editors, with a debug token in the data source.');
    case 'crowded':
      return t('trouble.crowded', 'More live panels than one connection carries: this one is behind by seconds.');
  }
}
