import { type QueryType } from './types';

/** What can be shown on top of other panels: alerts, phases of stories, and events such as failures. */
export const ANNOTATION_TYPES = ['alerts', 'story_timeline', 'events'] as const satisfies readonly QueryType[];
