{#- What became of every sealed row, told from the sealed rows alone: the control-total test holds marts against it. -#}
{%- set records = [
    {'name': 'enrolment', 'version': ['processed_date', 'record_number'], 'withdrawn': 'is_deleted', 'sums': []},
    {'name': 'claim', 'version': ['adjudication_month', 'version_number'], 'withdrawn': 'is_withdrawn',
     'sums': ['points', 'meal_yen']},
    {'name': 'checkup', 'version': ['created_date', 'data_number'], 'withdrawn': 'is_deleted', 'sums': []},
    {'name': 'guidance', 'version': ['created_date', 'data_number'], 'withdrawn': 'is_deleted', 'sums': []},
    {'name': 'care_claim', 'version': ['adjudication_month', 'adjustment_count', 'creation_code'],
     'withdrawn': "creation_code = '3'", 'sums': ['units', 'benefit_yen', 'user_yen'],
     'gives_way': ['identity_tag', 'service_month', 'provider_code', 'input_form_code']},
    {'name': 'care_high_cost', 'version': ['adjudication_month', 'creation_code'], 'withdrawn': "creation_code = '3'",
     'sums': ['benefit_yen']},
    {'name': 'care_certification', 'version': ['corrected_date', 'correction_code'],
     'withdrawn': "correction_code = '3'", 'sums': []},
] -%}
{%- set lines = [
    ('claim_diagnosis', 'claim'), ('claim_item', 'claim'), ('checkup_result', 'checkup'),
    ('guidance_session', 'guidance'), ('care_service', 'care_claim'), ('care_line', 'care_claim')
] -%}
{%- set deliveries = [
    {'name': 'care_insured_count', 'scheme': 'landed.scheme_code', 'sums': ['insured_count'],
     'key': ['insurer_number', 'municipality_code', 'month'], 'order': "cast(created_date as varchar)"},
    {'name': 'population', 'scheme': "''", 'sums': ['population_count'], 'key': ['municipality_code', 'year'],
     'order': "cast(created_date as varchar)"},
    {'name': 'district_set', 'scheme': "''", 'sums': [], 'key': ['municipality_code', 'district_set_name'],
     'order': "concat(cast(created_date as varchar), lpad(cast(version_number as varchar), 19, '0'))",
     'withdrawn': 'is_deleted'},
] -%}
{%- set counts = {
    'name': 'statistic',
    'sums': ['numerator', 'denominator', 'contributor_count', 'denominator_contributor_count']
} -%}
with {% for record in records -%}
{{ record.name }}_status as (
    select
        landed.linkage_domain,
        landed.source_file_id,
        landed.source_row,
        landed.scheme_code,
        {% for column in record.sums %}landed.{{ column }}, {% endfor %}
        case
            when exists (
                select 1
                from {{ source('raw', record.name) }} as other
                where
                    other.linkage_domain = landed.linkage_domain
                    and other.record_key_tag = landed.record_key_tag
                    and (
                        {%- set order = record.version + ['source_file_id', 'source_row'] %}
                        {%- for column in order %}
                        {{ 'or ' if not loop.first }}(
                            other.{{ column }} > landed.{{ column }}
                            {%- for equal in order[:loop.index0] %}
                            and other.{{ equal }} = landed.{{ equal }}
                            {%- endfor %}
                        )
                        {%- endfor %}
                    )
            ) then 'superseded'
            {%- if record.gives_way is defined %}
            when not landed.is_adjudicated and exists (
                select 1
                from {{ source('raw', record.name) }} as adjudicated
                where
                    adjudicated.is_adjudicated
                    and adjudicated.linkage_domain = landed.linkage_domain
                    {%- for column in record.gives_way %}
                    and adjudicated.{{ column }} = landed.{{ column }}
                    {%- endfor %}
            ) then 'superseded'
            {%- endif %}
            when landed.{{ record.withdrawn }} then 'withdrawn'
            else 'current'
        end as record_status
    from {{ source('raw', record.name) }} as landed
),

{% endfor -%}
{% for delivery in deliveries -%}
{{ delivery.name }}_ordered as (
    select
        landed.*,
        {{ delivery.scheme }} as delivery_scheme_code,
        concat({{ delivery.order }}, ' ', source_file_id) as delivery_order
    from {{ source('raw', delivery.name) }} as landed
),

{{ delivery.name }}_status as (
    select
        landed.delivery_scheme_code as scheme_code,
        {% for column in delivery.sums %}landed.{{ column }}, {% endfor %}
        case
            when landed.delivery_order < newest.delivery_order then 'superseded'
            {%- if delivery.withdrawn is defined %}
            when landed.{{ delivery.withdrawn }} then 'withdrawn'
            {%- endif %}
            else 'current'
        end as record_status
    from {{ delivery.name }}_ordered as landed
    inner join (
        select
            linkage_domain,
            {% for column in delivery.key %}{{ column }}, {% endfor %}
            max(delivery_order) as delivery_order
        from {{ delivery.name }}_ordered
        group by linkage_domain{% for column in delivery.key %}, {{ column }}{% endfor %}
    ) as newest
        on
            landed.linkage_domain = newest.linkage_domain
            {%- for column in delivery.key %}
            and landed.{{ column }} = newest.{{ column }}
            {%- endfor %}
),

{% endfor -%}
statistic_ordered as (
    select
        told.*,
        concat(
            cast(created_date as varchar), lpad(cast(version_number as varchar), 19, '0'), ' ', source_file_id,
            lpad(cast(batch_sequence as varchar), 19, '0')
        ) as delivery_order
    from {{ source('raw', 'statistic_source') }} as told
),

statistic_status as (
    select
        landed.scheme_code,
        {% for column in counts.sums %}landed.{{ column }}, {% endfor %}
        case when told.delivery_order < newest.delivery_order then 'superseded' else 'current' end as record_status
    from {{ source('raw', 'statistic') }} as landed
    inner join statistic_ordered as told
        on
            landed.linkage_domain = told.linkage_domain
            and landed.batch_sequence = told.batch_sequence
            and landed.source_file_id = told.source_file_id
    inner join (
        select
            linkage_domain,
            source_id,
            source_year,
            max(delivery_order) as delivery_order
        from statistic_ordered
        group by linkage_domain, source_id, source_year
    ) as newest
        on
            told.linkage_domain = newest.linkage_domain
            and told.source_id = newest.source_id
            and told.source_year = newest.source_year
),

counted as (
    {% for record in records + deliveries + [counts] -%}
    select
        '{{ record.name }}' as table_name,
        scheme_code,
        record_status,
        'rows' as measure,
        count(*) as total
    from {{ record.name }}_status
    group by scheme_code, record_status
    union all
    {% for column in record.sums -%}
    select
        '{{ record.name }}' as table_name,
        scheme_code,
        record_status,
        '{{ column }}' as measure,
        sum({{ column }}) as total
    from {{ record.name }}_status
    group by scheme_code, record_status
    union all
    {% endfor -%}
    {% endfor -%}
    {% for line, parent in lines -%}
    select
        '{{ line }}' as table_name,
        lines.scheme_code,
        records.record_status,
        'rows' as measure,
        count(*) as total
    from {{ source('raw', line) }} as lines
    left join {{ parent }}_status as records
        on
            lines.linkage_domain = records.linkage_domain
            and lines.source_file_id = records.source_file_id
            and lines.parent_source_row = records.source_row
    group by lines.scheme_code, records.record_status
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

final as (
    select
        table_name,
        scheme_code,
        record_status,
        measure,
        cast(total as bigint) as total
    from counted
)

select * from final
