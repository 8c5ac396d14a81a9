{{ config(materialized='table') }}

with municipalities as (
    select * from {{ ref('municipalities') }}
),

medical_areas as (
    select * from {{ ref('medical_areas') }}
),

prefectures as (
    select * from {{ ref('prefectures') }}
),

insurers as (
    select * from {{ ref('insurers') }}
),

-- The ladder shown is that of the newest year; each year's own ladder is in int_municipality__assign_areas.
current_areas as (
    select *
    from {{ ref('int_municipality__assign_areas') }}
    where fiscal_year = (select max(fiscal_year) from {{ ref('int_calendar__list_months') }})
),

districts as (
    select
        municipality_code,
        district_code,
        max(district_name) as district_name
    from {{ ref('stg_enrolment__enrolment') }}
    where district_code is not null and municipality_code is not null
    group by municipality_code, district_code
),

set_districts as (
    select distinct
        municipality_code,
        district_set_name,
        set_district_name,
        area_id
    from {{ ref('int_district__assign_sets') }}
),

classes as (
    select distinct
        concat(reading_code, ':', peer_class_code) as area_id,
        peer_class_name,
        peer_class_name_en
    from {{ ref('peer_classes') }}
),

steps as (
    select
        'nation' as area_level,
        'JP' as area_id,
        cast(null as varchar) as parent_level,
        cast(null as varchar) as parent_id,
        '全国' as area_name,
        'Japan' as area_name_en,
        cast(null as varchar) as scheme_code,
        cast(null as varchar) as district_set_name,
        cast(null as double) as latitude,
        cast(null as double) as longitude
    union all
    select
        'prefecture' as area_level,
        prefecture_code as area_id,
        'nation' as parent_level,
        'JP' as parent_id,
        prefecture_name as area_name,
        prefecture_name_en as area_name_en,
        cast(null as varchar) as scheme_code,
        cast(null as varchar) as district_set_name,
        cast(null as double) as latitude,
        cast(null as double) as longitude
    from prefectures
    union all
    select
        'medical_area' as area_level,
        medical_area_code as area_id,
        'prefecture' as parent_level,
        prefecture_code as parent_id,
        medical_area_name as area_name,
        medical_area_name_en as area_name_en,
        cast(null as varchar) as scheme_code,
        cast(null as varchar) as district_set_name,
        cast(null as double) as latitude,
        cast(null as double) as longitude
    from medical_areas
    union all
    select
        'insurer' as area_level,
        insurer_number as area_id,
        'prefecture' as parent_level,
        prefecture_code as parent_id,
        insurer_name as area_name,
        insurer_name_en as area_name_en,
        scheme_code,
        cast(null as varchar) as district_set_name,
        cast(null as double) as latitude,
        cast(null as double) as longitude
    from insurers
    union all
    select
        'municipality' as area_level,
        municipalities.municipality_code as area_id,
        current_areas.area_level as parent_level,
        current_areas.area_id as parent_id,
        municipalities.municipality_name as area_name,
        municipalities.municipality_name_en as area_name_en,
        cast(null as varchar) as scheme_code,
        cast(null as varchar) as district_set_name,
        municipalities.latitude,
        municipalities.longitude
    from municipalities
    inner join current_areas
        on municipalities.municipality_code = current_areas.municipality_code and current_areas.area_level <> 'municipality'
    union all
    -- Municipalities of prefectures whose medical areas are not entered hang on their prefecture.
    select
        'municipality' as area_level,
        municipalities.municipality_code as area_id,
        'prefecture' as parent_level,
        municipalities.prefecture_code as parent_id,
        municipalities.municipality_name as area_name,
        municipalities.municipality_name_en as area_name_en,
        cast(null as varchar) as scheme_code,
        cast(null as varchar) as district_set_name,
        municipalities.latitude,
        municipalities.longitude
    from municipalities
    left join current_areas
        on
            municipalities.municipality_code = current_areas.municipality_code
            and current_areas.area_level = 'medical_area'
    where current_areas.municipality_code is null
    union all
    select
        'district' as area_level,
        concat(municipality_code, '-', district_code) as area_id,
        'municipality' as parent_level,
        municipality_code as parent_id,
        coalesce(district_name, district_code) as area_name,
        coalesce(district_name, district_code) as area_name_en,
        cast(null as varchar) as scheme_code,
        cast(null as varchar) as district_set_name,
        cast(null as double) as latitude,
        cast(null as double) as longitude
    from districts
    union all
    select
        'district' as area_level,
        area_id,
        'municipality' as parent_level,
        municipality_code as parent_id,
        set_district_name as area_name,
        set_district_name as area_name_en,
        cast(null as varchar) as scheme_code,
        district_set_name,
        cast(null as double) as latitude,
        cast(null as double) as longitude
    from set_districts
    union all
    select
        'peer' as area_level,
        area_id,
        cast(null as varchar) as parent_level,
        cast(null as varchar) as parent_id,
        peer_class_name as area_name,
        peer_class_name_en as area_name_en,
        cast(null as varchar) as scheme_code,
        cast(null as varchar) as district_set_name,
        cast(null as double) as latitude,
        cast(null as double) as longitude
    from classes
),

final as (
    select
        area_level,
        area_id,
        parent_level,
        parent_id,
        area_name,
        area_name_en,
        scheme_code,
        district_set_name,
        latitude,
        longitude
    from steps
)

select * from final
