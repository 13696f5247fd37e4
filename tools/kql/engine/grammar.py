"""Words of the library's grammar (duckdb-kql 1.1.2), for none of which a name may be taken; a test holds the list."""

from __future__ import annotations

__all__ = ["GRAMMAR_WORDS"]

GRAMMAR_WORDS = frozenset(
    """
    __contextual_datatable __crossCluster __crossDB __executeAndCache __id __isFuzzy __noWithSource __packedColumn
    __partitionby __projectAway __sourceColumnIndex access accumulate aggregations alias all and anomalychart
    anomalycolumns areachart as asc axes bagexpansion barchart base between bin bin_legacy bool boolean by card
    cluster columnchart consume contains contains_cs containscs count database datascope datatable date datetime
    decimal declare decodeblocks default delta desc distinct double dynamic edges endswith endswith_cs entity_group
    evaluate execute expandoutput extend external_data externaldata facet filter find first flags float fork from
    getschema guid has has_all has_any has_cs hasprefix hasprefix_cs hassuffix hassuffix_cs hidden hot hotcache
    hotdata hotindex id in int int16 int32 int64 int8 into invoke isfuzzy join kind ladderchart last legend let like
    likecs limit linear linechart list log long lookup map materialize mvapply mvexpand nodes none nooptimization
    notcontains notcontainscs notlike notlikecs null nulls of on optional or order others output pack panels parse
    partition pattern piechart pivotchart plugin print project query_parameters range real reduce regex relaxed
    render replace restrict sample scan scatterchart search serialize series set simple sort stacked stacked100
    stackedareachart startswith startswith_cs step string summarize table take threshold time timechart timeline
    timepivot timespan title to top toscalar totable treemap typeof uint uint16 uint32 uint64 uint8 ulong union
    uniqueid unstacked uuid view visible where with with_itemindex with_match_id with_node_id with_source
    with_step_name withsource xaxis xcolumn xmax xmin xtitle yaxis ycolumns ymax ymin ysplit ytitle
    """.split()  # noqa: SIM905 - a page of words reads better than a column of quotes
)
