import { event } from './fixtures';
import { storyPath, tracePath } from './links';

it('opens a trace by its id, around the event', () => {
  const path = tracePath(event(0), 'fleetscope-tempo') ?? '';
  const panes = JSON.parse(new URLSearchParams(path.split('?')[1]).get('panes') ?? '');
  expect(panes.trace.datasource).toBe('fleetscope-tempo');
  expect(panes.trace.queries[0]).toMatchObject({ queryType: 'traceql', query: 'd901dad4faeaf0f8d88dddf664d73916' });
  expect(Number(panes.trace.range.to) - Number(panes.trace.range.from)).toBe(7_200_000);
});

it('makes no link of what is no trace id', () => {
  expect(tracePath(event(0, { trace_id: null }), 'x')).toBeUndefined();
  expect(tracePath(event(0, { trace_id: '"}javascript:' }), 'x')).toBeUndefined();
});

it('opens the story in the same time, whatever it is called', () => {
  expect(storyPath('US 1&from=0', { from: 'now-1h', to: 'now' })).toBe(
    '/d/fleetscope-story?var-story=US+1%26from%3D0&from=now-1h&to=now'
  );
});
