import { locationUtil } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Alert, Button, ClipboardButton, Drawer, LinkButton, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import React from 'react';

import { type EventDetail, type FeedEvent } from '../../feed';
import { bytesText, iconOf, line } from '../../state/format';
import { storyPath, tracePath } from '../../state/links';
import { copyText } from '../../state/tree';
import { testIds } from '../../testIds';
import { notesOf, raw } from '../../words';
import { JsonTree } from '../JsonTree/JsonTree';
import { Deliveries } from './Deliveries';
import { Facts } from './Facts';
import { getStyles } from './PayloadDrawer.styles';

interface Props {
  /** As far as the row knows it; it is shown until, and where, nothing more is known. */
  event: FeedEvent | undefined;
  seq: number;
  detail: EventDetail | undefined;
  problem: string | undefined;
  tempoUid: string;
  range: { from: string; to: string };
  onStory: (story: string) => void;
  onClose: () => void;
}

export function PayloadDrawer({ event, seq, detail, problem, tempoUid, range, onStory, onClose }: Props) {
  const styles = useStyles2(getStyles);
  const known = detail ?? event;
  const notes = detail ? notesOf(detail) : [];
  // What became known after the event was opened is in the row.
  const deliveries = event?.deliveries ?? detail?.deliveries ?? [];
  return (
    <Drawer
      size="md"
      onClose={onClose}
      title={`${iconOf(known?.type ?? '')} ${known ? line(known.type, 200) : `#${seq}`}`}
      subtitle={known && `#${seq} · ${line(known.summary)}`}
    >
      <div className={styles.body} data-testid={testIds.drawer}>
        {known && <Actions event={known} tempoUid={tempoUid} range={range} onStory={onStory} />}
        {problem && (
          <Alert severity="error" title={t('panel.drawer.failed', 'The event could not be loaded')}>
            {line(problem, 1000)}
          </Alert>
        )}
        {notes.length > 0 && (
          <ul className={styles.notes}>
            {notes.map((note) => (
              <li key={note}>{line(note, 1000)}</li>
            ))}
          </ul>
        )}
        {known && <Facts event={known} detail={detail} />}
        <Deliveries deliveries={deliveries} />
        {detail ? (
          <Payload detail={detail} />
        ) : (
          !problem && <LoadingPlaceholder text={t('panel.drawer.loading', 'Loading…')} />
        )}
      </div>
    </Drawer>
  );
}

function Actions({
  event,
  tempoUid,
  range,
  onStory,
}: { event: FeedEvent } & Pick<Props, 'tempoUid' | 'range' | 'onStory'>) {
  const styles = useStyles2(getStyles);
  const trace = tracePath(event, tempoUid);
  const story = event.story_id;
  return (
    <div className={styles.actions}>
      {trace && (
        <LinkButton
          size="sm"
          variant="secondary"
          icon="gf-traces"
          href={locationUtil.assureBaseUrl(trace)}
          data-testid={testIds.trace}
        >
          {t('panel.drawer.trace', 'Open trace')}
        </LinkButton>
      )}
      {story && (
        <>
          <Button
            size="sm"
            variant="secondary"
            icon="filter"
            data-testid={testIds.toStory}
            onClick={() => onStory(story)}
          >
            {t('panel.drawer.filter-story', 'Only this story')}
          </Button>
          <LinkButton
            size="sm"
            variant="secondary"
            icon="apps"
            href={locationUtil.assureBaseUrl(storyPath(story, range))}
          >
            {t('panel.drawer.story', 'Story dashboard')}
          </LinkButton>
        </>
      )}
    </div>
  );
}

function Payload({ detail }: { detail: EventDetail }) {
  const styles = useStyles2(getStyles);
  const data = detail.data;
  return (
    <section>
      <h6 className={styles.heading}>
        <span>
          {t('panel.drawer.payload', 'Payload')} <span className={styles.quiet}>{bytesText(detail.size)}</span>
        </span>
        {data !== undefined && (
          <ClipboardButton
            size="sm"
            variant="secondary"
            icon="copy"
            getText={() => copyText(data)}
            data-testid={testIds.copy}
          >
            {t('panel.drawer.copy', 'Copy')}
          </ClipboardButton>
        )}
      </h6>
      {data === undefined ? (
        <p className={styles.quiet}>
          {detail.data_needs_role
            ? t('panel.drawer.role', 'The payload is shown to role {{role}}.', raw({ role: detail.data_needs_role }))
            : t('panel.drawer.none', 'There is no payload.')}
        </p>
      ) : (
        <JsonTree value={data} label={t('panel.drawer.payload', 'Payload')} />
      )}
      {Object.keys(detail.facts ?? {}).length > 0 && (
        <>
          <h6 className={styles.heading}>{t('panel.drawer.facts', 'What was read from it')}</h6>
          <JsonTree value={detail.facts} label={t('panel.drawer.facts', 'What was read from it')} />
        </>
      )}
    </section>
  );
}
