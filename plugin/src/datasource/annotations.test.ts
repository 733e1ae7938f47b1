import { type AnnotationQuery } from '@grafana/data';
import { firstValueFrom } from 'rxjs';
import { event } from '../testing/feed';
import { annotationsOf, toAnnotations } from './annotations';
import { COLUMNS } from './frames/columns';
import { eventTable } from './frames/events';
import { toTable } from './frames/table';
import { type FleetQuery } from './types';

const alert = {
  starts_at: '2026-02-14T09:00:00Z',
  ends_at: null,
  name: 'FleetAgentSilent',
  severity: 'warning',
  status: 'firing',
  summary: 'An agent is silent.',
  description: 'agent-dev-001 is silent for 40 s.',
  story_id: 'US-1',
};

describe('annotations', () => {
  it('are alerts from beginning to end', () => {
    const frames = [toTable('A', [alert, { ...alert, starts_at: null }], COLUMNS.alerts)];
    expect(toAnnotations('alerts', frames)).toEqual([
      {
        time: Date.UTC(2026, 1, 14, 9),
        timeEnd: undefined,
        title: 'FleetAgentSilent',
        text: 'agent-dev-001 is silent for 40 s.',
        tags: ['warning', 'firing', 'US-1'],
      },
    ]);
  });

  it('are the phases of stories, without their tasks', () => {
    const rows = [
      {
        from: '2026-02-14T09:00:00Z',
        until: '2026-02-14T09:01:00Z',
        kind: 'phase',
        phase: 'DRAFT',
        story_id: 'US-1',
        title: 'T',
      },
      { from: '2026-02-14T09:00:30Z', until: null, kind: 'task', story_id: 'US-1' },
    ];
    const [phase, ...rest] = toAnnotations('story_timeline', [toTable('A', rows, COLUMNS.story_timeline)]);
    expect(phase).toMatchObject({ title: 'DRAFT', text: 'US-1: T', timeEnd: Date.UTC(2026, 1, 14, 9, 1) });
    expect(rest).toEqual([]);
  });

  it('are events, by way of the query', async () => {
    const support = annotationsOf();
    const target = { refId: '', queryType: 'events', filter: { severity: 'error' }, live: true } as FleetQuery;
    const query = { target } as AnnotationQuery<FleetQuery>;
    expect(support.prepareQuery?.(query)).toEqual({ ...target, refId: 'Anno', live: false, limit: 500 });
    const frames = [eventTable('A', [event(3, { severity: 'error' })])];
    const found = await firstValueFrom(support.processEvents!(query, frames));
    expect(found).toEqual([
      expect.objectContaining({ title: 'planning.story.created', tags: ['error', 'NATS', 'US-1', 'QA'] }),
    ]);
  });
});
