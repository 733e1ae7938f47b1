import { type Item } from './table';

interface Story {
  story_id: string;
  title: string | null;
  phases: Array<{ phase: string; from: string; until: string | null }>;
  tasks: Array<{
    task_id: string;
    title: string | null;
    state: string;
    role: string | null;
    agent_id: string | null;
    since: string | null;
    last_event: string | null;
  }>;
}

const ENDED = ['completed', 'failed'];

/** The phases of a story, and its tasks, by when they began. `state` holds the phase too, for the State timeline. */
export function timeline(story: Story): Item[] {
  const phases = story.phases.map(({ phase, from, until }) => ({
    from,
    until,
    kind: 'phase',
    state: phase,
    story_id: story.story_id,
    phase,
    title: story.title,
  }));
  const tasks = story.tasks.map(({ task_id, title, state, role, agent_id, since, last_event }) => ({
    from: since,
    until: ENDED.includes(state) ? last_event : null,
    kind: 'task',
    state,
    story_id: story.story_id,
    task_id,
    title,
    role,
    agent_id,
  }));
  return [...phases, ...tasks].sort((a, b) => (a.from ?? '').localeCompare(b.from ?? ''));
}
