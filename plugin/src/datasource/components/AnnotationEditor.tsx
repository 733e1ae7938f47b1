import { type AnnotationQuery } from '@grafana/data';
import React from 'react';
import { ANNOTATION_TYPES } from '../annotationTypes';
import { type FleetQuery } from '../types';
import { type Props as QueryProps, QueryEditor } from './QueryEditor';

interface Props extends QueryProps {
  annotation?: AnnotationQuery<FleetQuery>;
  onAnnotationChange?: (annotation: AnnotationQuery<FleetQuery>) => void;
}

/** The query editor, for what can be shown on top of other panels. */
export function AnnotationEditor({ annotation, onAnnotationChange, ...props }: Props) {
  const query = annotation?.target ?? props.query;
  const change = (target: FleetQuery) =>
    annotation && onAnnotationChange ? onAnnotationChange({ ...annotation, target }) : props.onChange(target);
  return (
    <QueryEditor
      {...props}
      query={{ ...query, queryType: query?.queryType ?? ANNOTATION_TYPES[0] }}
      onChange={change}
      types={ANNOTATION_TYPES}
    />
  );
}
