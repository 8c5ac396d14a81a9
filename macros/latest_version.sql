{# Staging keeps of every record its latest version. Which version is the latest is a matter of content (the contract's
   version key), never of arrival; equal versions are told apart by the bytes of their file.

   A batch that has landed touches the records it holds; those are staged anew and the others left alone. Batches of one
   linkage domain land in order, so what is newer than the newest staged batch has not been staged. What a retracted
   batch brought leaves staging, and the version before it is staged again. #}

{% macro touched_records(table, record_key) %}
    select distinct
        fresh.linkage_domain,
        {% for column in record_key %}fresh.{{ column }}{{ ',' if not loop.last }}{% endfor %}
    from {{ source('raw', table) }} as fresh
    left join (
        select linkage_domain, max(batch_sequence) as batch_sequence
        from {{ this }}
        group by linkage_domain
    ) as staged on fresh.linkage_domain = staged.linkage_domain
    where fresh.batch_sequence > coalesce(staged.batch_sequence, -1)
{% endmacro %}

{# Rows of `table` that stand: the latest of each record (or of each delivery, where record_key names a delivery).
   An incremental run stages what is not staged: the hook has taken the touched records out. #}
{% macro latest_version(table, version_key, record_key=['record_key_tag'], is_delivery=false) %}
    select *
    from (
        select
            landed.*,
            {{ 'rank' if is_delivery else 'row_number' }}() over (
                partition by
                    landed.linkage_domain
                    {%- for column in record_key %}, landed.{{ column }}{% endfor %}
                order by
                    {% for column in version_key %}landed.{{ column }} desc, {% endfor %}
                    landed.source_file_id desc
                    {{- '' if is_delivery else ', landed.source_row desc' }}
            ) as version_rank
        from {{ source('raw', table) }} as landed
        {% if is_incremental() %}
        where not exists (
            select 1
            from {{ this }} as staged
            where
                staged.linkage_domain = landed.linkage_domain
                {%- for column in record_key %}
                and staged.{{ column }} = landed.{{ column }}
                {%- endfor %}
        )
        {% endif %}
    ) as ranked
    where version_rank = 1
{% endmacro %}

{# Hook: delete the staged versions of the records that a new batch touched. #}
{% macro delete_touched(table, record_key=['record_key_tag']) -%}
    {% if is_incremental() -%}
    delete from {{ this }}
    where exists (
        select 1
        from ({{ touched_records(table, record_key) }}) as touched
        where
            touched.linkage_domain = {{ this.identifier }}.linkage_domain
            {% for column in record_key -%}
            and touched.{{ column }} = {{ this.identifier }}.{{ column }}
            {% endfor %}
    )
    or exists (
        select 1
        from {{ source('control', 'retracted_batch') }} as retracted
        where
            retracted.linkage_domain = {{ this.identifier }}.linkage_domain
            and retracted.batch_sequence = {{ this.identifier }}.batch_sequence
    )
    {%- endif %}
{%- endmacro %}
