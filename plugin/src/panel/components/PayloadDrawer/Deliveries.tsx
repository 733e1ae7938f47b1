import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import React from 'react';

import { type Delivery } from '../../feed';
import { latencyText, line, markOf } from '../../state/format';
import { testIds } from '../../testIds';
import { deliveryText } from '../../words';
import { getStyles } from './PayloadDrawer.styles';

/** Most consumers told; a stream has few. */
const MOST = 200;

export function Deliveries({ deliveries }: { deliveries: readonly Delivery[] }) {
  const styles = useStyles2(getStyles);
  return (
    <section>
      <h6 className={styles.heading}>{t('panel.drawer.deliveries', 'Deliveries')}</h6>
      {deliveries.length === 0 ? (
        <p className={styles.quiet}>{t('panel.drawer.no-deliveries', 'No consumer is known to have been given it.')}</p>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t('panel.drawer.consumer', 'Consumer')}</th>
              <th scope="col">{t('panel.drawer.outcome', 'Outcome')}</th>
              <th scope="col">{t('panel.drawer.attempts', 'Deliveries')}</th>
              <th scope="col">{t('panel.drawer.latency', 'Latency')}</th>
            </tr>
          </thead>
          <tbody>
            {deliveries.slice(0, MOST).map((delivery, i) => (
              <tr key={i} data-testid={testIds.delivery}>
                <td>{line(delivery.consumer, 120)}</td>
                <td>
                  {markOf(delivery.state)} {deliveryText({ ...delivery, latency_ms: null })}
                </td>
                <td>{delivery.attempts}</td>
                <td>{latencyText(delivery.latency_ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
