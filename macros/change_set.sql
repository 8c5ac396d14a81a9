{# Incremental = partitions replaced by a change set.

   control.change_partition lists scheme x insurer x month that changed since the last finished build, with the table
   it changed in. A model that grows declares its reach and the tables that reach it; before its rows are inserted,
   the hook deletes the partitions listed, in the same transaction, also those that come out empty.

   reach   month               the partition itself
           fiscal_year         the partition's insurer for the whole fiscal year
           scheme_fiscal_year  the whole scheme for the fiscal year (kokuho_koki with either of its two; 国保, 国保組合 and
                               後期 with each other's enrolments, 後期 with the population: what linkage finds, and who
                               comes from elsewhere, rests on all; care with the receipts and members of the others, which
                               its certified are; a year with the checkups, guidance, members and diseases of the year
                               before, which it is compared with)
           scheme_year_or_care the same, and the others with the certifications of care that they are held against: a
                               certification that ends or moves speaks of years long past, so this is for what needs it
#}

{# Condition: the row of `relation` lies within reach of the change set. `month` is an expression over that row. #}
{% macro is_reached(relation, reach, month, tables=[]) %}
    {% if reach == 'month' and execute -%}
    {#- Written out, the months keep the rest of a long history from being read. -#}
    {{ month }} in ({{ months_changed(tables) }}) and
    {% endif -%}
    exists (
        select 1
        {% if reach in ['scheme_fiscal_year', 'scheme_year_or_care'] -%}
        from ({{ changes_by_year() }}) as change
        {% else -%}
        from {{ source('control', 'change_partition') }} as change
        {% endif -%}
        where
            {% if tables -%}
            change.table_name in ('{{ tables | join("', '") }}') and
            {% endif -%}
            {% if reach in ['scheme_fiscal_year', 'scheme_year_or_care'] -%}
            (
                change.scheme_code = {{ relation }}.scheme_code
                or ({{ relation }}.scheme_code = 'kokuho_koki' and change.scheme_code in ('kokuho', 'koki'))
                or (
                    {{ relation }}.scheme_code <> 'care' and change.scheme_code <> 'care'
                    and change.table_name = 'enrolment'
                )
                or ({{ relation }}.scheme_code = 'koki' and change.table_name = 'population')
                {% if reach == 'scheme_year_or_care' -%}
                or ({{ relation }}.scheme_code <> 'care' and change.table_name = 'care_certification')
                {% endif -%}
                or (
                    {{ relation }}.scheme_code = 'care'
                    and change.table_name in ('claim', 'claim_diagnosis', 'enrolment')
                )
            )
            and change.fiscal_year = {{ fiscal_year(month) }}
            {%- else -%}
            change.scheme_code = {{ relation }}.scheme_code
            and change.insurer_number = {{ relation }}.insurer_number
            {% if reach == 'fiscal_year' -%}
            and {{ fiscal_year('change.month') }} = {{ fiscal_year(month) }}
            {%- else -%}
            and change.month = {{ month }}
            {%- endif %}
            {%- endif %}
    )
{% endmacro %}

{# The months of the change set, as a list of dates; of an empty one a day that is no month's first. #}
{% macro months_changed(tables) -%}
{%- set found = run_query(
    'select distinct month from ' ~ source('control', 'change_partition')
    ~ (" where table_name in ('" ~ tables | join("', '") ~ "')" if tables else '') ~ ' order by month'
).columns[0].values() -%}
{%- for month in found or ['0001-01-02'] -%}
date '{{ month }}'{{ ', ' if not loop.last }}
{%- endfor -%}
{%- endmacro %}

{# The change set told as years, for only what is equal is found without comparing every row with every change; some
    changes reach the year after theirs, too. #}
{% macro changes_by_year() -%}
select
    *,
    {{ fiscal_year('month') }} as fiscal_year
from {{ source('control', 'change_partition') }}
union all
select
    *,
    {{ fiscal_year('month') }} + 1 as fiscal_year
from {{ source('control', 'change_partition') }}
where table_name in ('checkup', 'checkup_result', 'guidance', 'enrolment', 'claim', 'claim_diagnosis', 'claim_item')
{%- endmacro %}

{# The same as a filter of what is inserted: everything when the model is built from nothing. #}
{% macro only_reached(relation, reach, month, tables=[]) -%}
    {% if is_incremental() %}{{ is_reached(relation, reach, month, tables) }}{% else %}true{% endif %}
{%- endmacro %}

{# Hook: delete what will be inserted anew. #}
{% macro delete_reached(reach, month, tables=[]) -%}
    {% if is_incremental() -%}
    delete from {{ this }} where {{ is_reached(this.identifier, reach, month, tables) }}
    {%- endif %}
{%- endmacro %}
